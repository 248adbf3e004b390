//! Codes of problems, for programs: stable, each with one meaning.
//!
//! Source of the rules: "Schema reference guide for trigger and action types", the
//! messages of the real service, and what its linters check.

/// The document is not JSON.
pub const INVALID_JSON: &str = "InvalidJson";
/// The document is larger than what is read.
pub const DOCUMENT_TOO_LARGE: &str = "DocumentTooLarge";
/// There is no definition in the document.
pub const NOT_A_DEFINITION: &str = "NotADefinition";
/// The document holds several definitions; the first is taken.
pub const SEVERAL_DEFINITIONS: &str = "SeveralDefinitions";
/// A template expression of a deployment that needs the deployment.
pub const UNRESOLVED_DEPLOYMENT_EXPRESSION: &str = "UnresolvedDeploymentExpression";
/// Text that begins like an expression and is none.
pub const INVALID_EXPRESSION: &str = "InvalidExpression";
/// A property that must be there is not.
pub const MISSING_PROPERTY: &str = "MissingProperty";
/// A value of the wrong JSON kind.
pub const WRONG_KIND: &str = "WrongKind";
/// A value outside the documented list or form.
pub const INVALID_VALUE: &str = "InvalidValue";
/// A number or duration outside the documented range.
pub const OUT_OF_RANGE: &str = "OutOfRange";
/// Two actions share a name.
pub const DUPLICATE_ACTION: &str = "DuplicateAction";
/// A reference to an action that is not in the definition.
pub const UNKNOWN_ACTION: &str = "UnknownAction";
/// A reference to an action that cannot have run before.
pub const ACTION_NOT_BEFORE: &str = "ActionNotBefore";
/// `runAfter` names an action that is not a sibling.
pub const RUN_AFTER_NOT_SIBLING: &str = "RunAfterNotSibling";
/// Actions wait for each other.
pub const RUN_AFTER_CYCLE: &str = "RunAfterCycle";
/// `runAfter` lists a status that does not exist.
pub const UNKNOWN_STATUS: &str = "UnknownStatus";
/// `result()` of an action that contains none.
pub const NOT_A_CONTAINER: &str = "NotAContainer";
/// `items()` or `iterationIndexes()` of something that is not a loop around the call.
pub const NOT_AN_ENCLOSING_LOOP: &str = "NotAnEnclosingLoop";
/// A function that has no meaning where it stands.
pub const MISPLACED_FUNCTION: &str = "MisplacedFunction";
/// A function that does not exist: fails when evaluated.
pub const UNKNOWN_FUNCTION: &str = "UnknownFunction";
/// A variable that no action initialises.
pub const UNKNOWN_VARIABLE: &str = "UnknownVariable";
/// A variable is used by an action that does not run after it is initialised.
pub const VARIABLE_NOT_BEFORE: &str = "VariableNotBefore";
/// Two actions initialise the same variable.
pub const DUPLICATE_VARIABLE: &str = "DuplicateVariable";
/// A variable is initialised inside a container.
pub const VARIABLE_IN_CONTAINER: &str = "VariableInContainer";
/// A variable is set from its own value.
pub const VARIABLE_SELF_REFERENCE: &str = "VariableSelfReference";
/// A parameter that is not declared.
pub const UNKNOWN_PARAMETER: &str = "UnknownParameter";
/// A parameter's value does not fit its type or its allowed values.
pub const INVALID_PARAMETER: &str = "InvalidParameter";
/// A static result that the definition does not have.
pub const UNKNOWN_STATIC_RESULT: &str = "UnknownStaticResult";
/// Two cases of a Switch have the same value.
pub const DUPLICATE_CASE: &str = "DuplicateCase";
/// An action that may not stand in a loop.
pub const NOT_IN_LOOP: &str = "NotInLoop";
/// Concurrency is given twice, and differently.
pub const CONFLICTING_CONCURRENCY: &str = "ConflictingConcurrency";
/// A retry policy that the real service refuses.
pub const INVALID_RETRY_POLICY: &str = "InvalidRetryPolicy";
/// A recurrence that the real service refuses.
pub const INVALID_RECURRENCE: &str = "InvalidRecurrence";
/// A JSON schema that is none: it is not enforced.
pub const INVALID_SCHEMA: &str = "InvalidSchema";
/// An action type that fails when reached.
pub const UNSUPPORTED_ACTION: &str = "UnsupportedAction";
/// A trigger type that is not served: runs are started by hand.
pub const UNSUPPORTED_TRIGGER: &str = "UnsupportedTrigger";
/// An option that is not known, and ignored.
pub const UNKNOWN_OPTION: &str = "UnknownOption";
/// A Response in a definition without a Request trigger.
pub const RESPONSE_WITHOUT_REQUEST: &str = "ResponseWithoutRequest";
/// A documented limit is exceeded, which the real service may refuse.
pub const LIMIT_EXCEEDED: &str = "LimitExceeded";
/// A limit of this implementation is exceeded.
pub const TOO_LARGE: &str = "TooLarge";
/// A definition without a trigger: runs are started by hand.
pub const NO_TRIGGER: &str = "NoTrigger";
/// More problems than are listed.
pub const TOO_MANY_PROBLEMS: &str = "TooManyProblems";

/// Every code, in the order above.
pub const ALL: &[&str] = &[
    INVALID_JSON,
    DOCUMENT_TOO_LARGE,
    NOT_A_DEFINITION,
    SEVERAL_DEFINITIONS,
    UNRESOLVED_DEPLOYMENT_EXPRESSION,
    INVALID_EXPRESSION,
    MISSING_PROPERTY,
    WRONG_KIND,
    INVALID_VALUE,
    OUT_OF_RANGE,
    DUPLICATE_ACTION,
    UNKNOWN_ACTION,
    ACTION_NOT_BEFORE,
    RUN_AFTER_NOT_SIBLING,
    RUN_AFTER_CYCLE,
    UNKNOWN_STATUS,
    NOT_A_CONTAINER,
    NOT_AN_ENCLOSING_LOOP,
    MISPLACED_FUNCTION,
    UNKNOWN_FUNCTION,
    UNKNOWN_VARIABLE,
    VARIABLE_NOT_BEFORE,
    DUPLICATE_VARIABLE,
    VARIABLE_IN_CONTAINER,
    VARIABLE_SELF_REFERENCE,
    UNKNOWN_PARAMETER,
    INVALID_PARAMETER,
    UNKNOWN_STATIC_RESULT,
    DUPLICATE_CASE,
    NOT_IN_LOOP,
    CONFLICTING_CONCURRENCY,
    INVALID_RETRY_POLICY,
    INVALID_RECURRENCE,
    INVALID_SCHEMA,
    UNSUPPORTED_ACTION,
    UNSUPPORTED_TRIGGER,
    UNKNOWN_OPTION,
    RESPONSE_WITHOUT_REQUEST,
    LIMIT_EXCEEDED,
    TOO_LARGE,
    NO_TRIGGER,
    TOO_MANY_PROBLEMS,
];
