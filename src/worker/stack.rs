//! The call stack of a shell's failing command: several processes of one event may each report theirs.

/// Keeps the stack if the new one is only the outer part of it, else takes the new one. Frames of the new one may
/// lack their file or line.
pub(super) fn keep_innermost(stack: &mut Vec<String>, new: Vec<String>) {
    let outer = stack.len().checked_sub(new.len()).map(|begin| &stack[begin..]);
    if !outer.is_some_and(|outer| outer.iter().zip(&new).all(|(old, new)| old.starts_with(new.as_str()))) {
        *stack = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(first: &[&str], second: &[&str]) -> Vec<String> {
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let mut stack = owned(first);
        keep_innermost(&mut stack, owned(second));
        stack
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
