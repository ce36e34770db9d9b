//! Settings that are one of a few words.

use crate::named::named;

named! {
    /// How log lines look.
    LogFormat {
        /// A handler's lines as they are.
        Text = "text",
        /// One JSON object for each line.
        Json = "json",
    }
    /// When an answer is passed on.
    ResponseMode {
        /// Whole, once the handler has ended.
        Buffered = "buffered",
        /// While the handler writes it.
        Streaming = "streaming",
    }
    /// The input of a handler, and the form of its answer.
    Interface {
        /// The event, and bytes.
        Event = "event",
        /// An HTTP request by RFC 3875, and its response.
        Cgi = "cgi",
    }
    /// How a Lisp handler gets its event and gives its answer.
    LispConvention {
        /// A string, and a string or octets.
        String = "string",
        /// Standard input and standard output, as strings.
        StandardIo = "standard-io",
        /// A vector of octets, and a string or octets.
        Octets = "octets",
        /// A string, and standard output.
        Stream = "stream",
        /// JSON as the library jsown reads and writes it.
        Jsown = "jsown",
        /// JSON as the library yason reads and writes it.
        Yason = "yason",
    }
}
