//! CEL expressions that the proxy evaluates, and their results as text.
//!
//! The host gives a result as bytes without its type, so `8` and `"\b\0\0\0\0\0\0\0"` could not be told apart.
//! The expression is therefore wrapped: `string(EXPRESSION)` is text for text, numbers, booleans, durations
//! and timestamps, and fails at run time for null, lists, maps and messages, which have no text that is
//! a useful label. The line breaks in the wrapping keep a comment at the expression's end from hiding the bracket.

use crate::host::{Host, HostError};

/// What the wrapping puts before an expression.
pub(crate) const BEFORE: &str = "string(\n";
/// What the wrapping puts after an expression.
pub(crate) const AFTER: &str = "\n)";

/// An expression that the host has compiled. The host frees it with the root context that compiled it, or at
/// [`Expression::delete`].
#[derive(Debug, PartialEq, Eq)]
pub struct Expression {
    token: [u8; 4],
}

impl Expression {
    /// Compiles an expression whose result is wanted as text.
    ///
    /// # Errors
    /// If the host does not accept the expression (`BadArgument` in Envoy) or knows no CEL (`NotFound`).
    pub fn compile<H: Host>(host: &H, text: &str) -> Result<Expression, HostError> {
        // Alone first: `a) + (b` is an expression only inside brackets.
        Expression::create(host, text)?.delete(host);
        Expression::create(host, &[BEFORE, text, AFTER].concat())
    }

    fn create<H: Host>(host: &H, text: &str) -> Result<Expression, HostError> {
        let token = host.foreign_function("expr_create", text.as_bytes())?;
        Ok(Expression { token: token.try_into().map_err(|_| HostError::InternalFailure)? })
    }

    /// The result for the current stream as text; nothing if the evaluation fails, which it does where an
    /// attribute is missing.
    pub fn text<H: Host>(&self, host: &H) -> Option<Vec<u8>> {
        host.foreign_function("expr_evaluate", &self.token).ok()
    }

    /// Gives the expression back to the host.
    pub fn delete<H: Host>(self, host: &H) {
        // There is nothing to be done about an expression that the host does not know.
        let _ = host.foreign_function("expr_delete", &self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn an_expression_lives_until_it_is_deleted() {
        let host = FakeHost::new();
        host.set_expression("request.host", Some("shop"));
        let expression = Expression::compile(&host, "request.host").unwrap();
        assert_eq!(host.live_expressions(), 1);
        assert_eq!(expression.text(&host), Some(b"shop".to_vec()));
        host.set_expression("request.host", None);
        assert_eq!(expression.text(&host), None);
        expression.delete(&host);
        assert_eq!(host.live_expressions(), 0);
    }

    #[test]
    fn what_the_host_does_not_compile_is_an_error() {
        let host = FakeHost::new();
        assert_eq!(Expression::compile(&host, "bad bad("), Err(HostError::BadArgument));
        host.fail_every_call(HostError::NotFound);
        assert_eq!(Expression::compile(&host, "request.host"), Err(HostError::NotFound));
    }
}
