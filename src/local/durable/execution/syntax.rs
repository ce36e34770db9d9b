//! The constraints of the API's model for single members of an update, and for names of functions.

use super::Refusal;
use crate::durable::update::{LONGEST_WAIT, Update};

/// The longest time limit of a callback, in seconds.
const LONGEST_LIMIT: u64 = 99_999_999;

/// The name of a function in an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that the handler uses.
    pub text: String,
    /// The name without account and qualifier.
    pub name: String,
}

/// Checks the members of an update. `position` counts from 1, as in the service's messages.
pub(super) fn check(position: usize, update: &Update) -> Result<(), Refusal> {
    let member = |name: &'static str| Member { position, name };
    member("id").text(&update.id, 64, word, "[a-zA-Z0-9-_]+")?;
    if let Some(parent) = &update.parent_id {
        member("parentId").text(parent, 64, word, "[a-zA-Z0-9-_]+")?;
    }
    if let Some(name) = &update.name {
        member("name").text(name, 256, |byte| (b' '..=b'~').contains(&byte), r"[\x20-\x7E]+")?;
    }
    if let Some(sub_type) = &update.sub_type {
        member("subType").text(sub_type, 32, word, "[a-zA-Z0-9-_]+")?;
    }
    if let Some(options) = update.step_options {
        let delay = options.next_attempt_delay_seconds;
        member("stepOptions.nextAttemptDelaySeconds").number(delay, 1, LONGEST_WAIT)?;
    }
    if let Some(options) = update.wait_options {
        member("waitOptions.waitSeconds").number(options.wait_seconds, 1, LONGEST_WAIT)?;
    }
    if let Some(options) = update.callback_options {
        member("callbackOptions.timeoutSeconds").number(options.timeout_seconds, 0, LONGEST_LIMIT)?;
        let heartbeat = options.heartbeat_timeout_seconds;
        member("callbackOptions.heartbeatTimeoutSeconds").number(heartbeat, 0, LONGEST_LIMIT)?;
    }
    if let Some(options) = &update.chained_invoke_options
        && let Some(tenant) = &options.tenant_id
        && (tenant.is_empty() || tenant.len() > 256 || !tenant.bytes().all(of_tenant))
    {
        let message = "TenantId must be 1 to 256 characters matching [a-zA-Z0-9._:/=+-@ ].";
        return Err(Refusal::Invalid(message.to_owned()));
    }
    Ok(())
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn of_tenant(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:/=+-@ ".contains(&byte)
}

/// A member of an update in a message.
struct Member {
    position: usize,
    name: &'static str,
}

impl Member {
    fn text(&self, value: &str, longest: usize, takes: fn(u8) -> bool, pattern: &str) -> Result<(), Refusal> {
        if value.is_empty() {
            return Err(self.refusal(value, "Member must have length greater than or equal to 1"));
        }
        if value.len() > longest {
            let constraint = format!("Member must have length less than or equal to {longest}");
            return Err(self.refusal(value, &constraint));
        }
        if value.bytes().all(takes) {
            return Ok(());
        }
        let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
        Err(self.refusal(value, &constraint))
    }

    fn number(&self, value: u64, least: u64, most: u64) -> Result<(), Refusal> {
        let constraint = match value {
            value if value < least => format!("greater than or equal to {least}"),
            value if value > most => format!("less than or equal to {most}"),
            _ => return Ok(()),
        };
        Err(self.refusal(&value.to_string(), &format!("Member must have value {constraint}")))
    }

    fn refusal(&self, value: &str, constraint: &str) -> Refusal {
        let Self { position, name } = self;
        Refusal::Invalid(format!(
            "1 validation error detected: Value '{value}' at 'updates.{position}.member.{name}' failed to satisfy \
             constraint: {constraint}"
        ))
    }
}

impl Target {
    /// Reads a name, a name with its qualifier, or an ARN of either.
    pub fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 256 {
            return None;
        }
        let mut parts: Vec<_> = text.split(':').collect();
        if parts[0] == "arn" && parts.len() > 2 && parts[1].starts_with("aws") && parts[2] == "lambda" {
            parts.drain(..3);
        }
        let first_is = |parts: &[&str], holds: fn(&str) -> bool| parts.len() > 1 && holds(parts[0]);
        for optional in [is_region, is_account, |part: &str| part == "function"] {
            if first_is(&parts, optional) {
                parts.remove(0);
            }
        }
        let [name, qualifier @ ..] = &parts[..] else { return None };
        let is_name = !name.is_empty() && name.bytes().all(|byte| word(byte) || byte == b'.');
        let is_qualifier = match qualifier {
            [] | ["$LATEST" | "$LATEST.PUBLISHED"] => true,
            [qualifier] => !qualifier.is_empty() && qualifier.bytes().all(word),
            _ => false,
        };
        (is_name && is_qualifier).then(|| Self { text: text.to_owned(), name: (*name).to_owned() })
    }
}

/// The function for the name that a handler uses: the one with the same name, else the one without account and
/// qualifier.
pub fn find_function<'a, T>(functions: &'a [T], called: &str, name: impl Fn(&T) -> &String) -> Option<&'a T> {
    let bare = Target::read(called)?.name;
    let named = |text: &str| functions.iter().find(|function| name(function) == text);
    named(called).or_else(|| named(&bare))
}

fn is_region(part: &str) -> bool {
    let words: Vec<_> = part.split('-').collect();
    let number = words.last().is_some_and(|last| last.len() == 1 && last.bytes().all(|byte| byte.is_ascii_digit()));
    words.len() >= 3
        && number
        && words.iter().rev().skip(1).all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}
