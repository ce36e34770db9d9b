//! How a Lisp handler gets its event and gives its answer.

use std::str::FromStr;

/// What `SCRIPT_RUNTIME_LISP_CONVENTION` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Convention {
    /// A string, and a string or octets.
    String,
    /// Standard input and standard output, as strings.
    StandardIo,
    /// A vector of octets, and a string or octets.
    Octets,
    /// A string, and standard output.
    Stream,
    /// What the library jsown makes of JSON.
    Jsown,
    /// What the library yason makes of JSON.
    Yason,
}

impl Convention {
    /// What the variable takes.
    pub(super) const TAKES: &str = "it takes `string`, `standard-io`, `octets`, `stream`, `jsown` or `yason`";

    const ALL: [Self; 6] =
        [Self::String, Self::StandardIo, Self::Octets, Self::Stream, Self::Jsown, Self::Yason];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::StandardIo => "standard-io",
            Self::Octets => "octets",
            Self::Stream => "stream",
            Self::Jsown => "jsown",
            Self::Yason => "yason",
        }
    }
}

impl FromStr for Convention {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|convention| convention.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_by_their_names() {
        assert_eq!("standard-io".parse(), Ok(Convention::StandardIo));
        assert_eq!("String".parse::<Convention>(), Err(()));
        for convention in Convention::ALL {
            assert_eq!(convention.name().parse(), Ok(convention));
            assert!(Convention::TAKES.contains(&format!("`{}`", convention.name())));
        }
    }
}
