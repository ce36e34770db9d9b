//! Where a shell's command failed: several processes of one event may each report it.

/// The innermost failure that was reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// The command and its line, as in `at line 4: false`; empty where it is not known.
    pub(super) place: String,
    /// The call stack, innermost first.
    pub(super) stack: Vec<String>,
}

impl Trace {
    /// Takes the place of a failure and its call stack, unless a failure further in has led to it. Frames of the new
    /// stack may lack their file or line.
    pub(super) fn note(&mut self, place: String, stack: Vec<String>) {
        let outer = self.stack.len().checked_sub(stack.len()).map(|begin| &self.stack[begin..]);
        let led_to_it = outer
            .is_some_and(|outer| outer.iter().zip(&stack).all(|(old, new)| old.starts_with(new.as_str())));
        let is_known = !self.stack.is_empty() && !self.place.is_empty();
        if !led_to_it || !is_known {
            self.place = place;
        }
        if !led_to_it {
            self.stack = stack;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(first: &[&str], second: &[&str]) -> Vec<String> {
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let mut trace = Trace { place: "first".to_owned(), stack: owned(first) };
        trace.note("second".to_owned(), owned(second));
        assert_eq!(trace.place == "first", !first.is_empty() && trace.stack == first, "{trace:?}");
        trace.stack
    }

    #[test]
    fn keeps_the_innermost_of_nested_stacks() {
        let inner = ["at g, f.sh: line 2", "at f, f.sh: line 7"];
        assert_eq!(kept(&inner, &["at f, f.sh: line 7"]), inner);
        assert_eq!(kept(&inner, &["at g, f.sh", "at f, f.sh: line 7"]), inner);
        assert_eq!(kept(&inner, &[]), inner);
        assert_eq!(kept(&inner, &["at f, f.sh: line 9"]), ["at f, f.sh: line 9"]);
        assert_eq!(kept(&[], &["at f, f.sh"]), ["at f, f.sh"]);
    }
}
