//! A checked definition: names bound, expressions parsed, the graph built.
//!
//! Actions lie in one arena; blocks are sequences of siblings; a *frame shape* is
//! the set of actions that share one iteration: the root, or the body of one loop
//! without the bodies of loops inside it. Conditions, switches and scopes have no
//! shape of their own, since what they hold runs at most once an iteration.
//!
//! Source: "Schema reference for the Workflow Definition Language", "Schema reference
//! guide for trigger and action types".

use super::schema::Schema;
use crate::trigger::recurrence::Recurrence;
use expr::{Binder, RefKind, Str, Template, Value, value::eq_ignore_case};

/// Which product a definition is written for: decides defaults in which they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    PowerAutomate,
    LogicApps,
}

impl Dialect {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::PowerAutomate => "power-automate",
            Dialect::LogicApps => "logic-apps",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Dialect::PowerAutomate, Dialect::LogicApps]
            .into_iter()
            .find(|dialect| eq_ignore_case(dialect.name(), name))
    }

    /// Iterations of a Foreach that run at a time when the definition does not say.
    #[must_use]
    pub fn foreach_concurrency(self) -> u32 {
        match self {
            Dialect::PowerAutomate => 1,
            Dialect::LogicApps => 20,
        }
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            #[must_use]
            pub fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// Position in [`Flow::actions`].
    ActionId
);
index!(
    /// Position in [`Flow::blocks`].
    BlockId
);
index!(
    /// Position in [`Flow::shapes`].
    ShapeId
);
index!(
    /// Position in [`Flow::variables`].
    VariableId
);

/// The block of the definition's own actions.
pub const ROOT_BLOCK: BlockId = BlockId(0);
/// The shape of everything outside loops.
pub const ROOT_SHAPE: ShapeId = ShapeId(0);

/// A definition that can run.
#[derive(Debug)]
pub struct Flow {
    pub dialect: Dialect,
    pub triggers: Vec<Trigger>,
    /// Containers stand before what they contain.
    pub actions: Vec<Action>,
    pub blocks: Vec<Block>,
    pub shapes: Vec<Shape>,
    /// Names of variables, in order of first mention.
    pub variables: Vec<Str>,
    pub parameters: Vec<Parameter>,
    pub outputs: Vec<(Str, Template)>,
    /// What its runs work with may be secret: their histories are stored sealed.
    pub holds_secrets: bool,
}

impl Flow {
    #[must_use]
    pub fn action(&self, id: ActionId) -> &Action {
        &self.actions[id.at()]
    }

    #[must_use]
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.at()]
    }

    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.at()]
    }

    /// Names ignore letter case.
    #[must_use]
    pub fn find_action(&self, name: &str) -> Option<ActionId> {
        let position = self.actions.iter().position(|action| eq_ignore_case(&action.name, name))?;
        u32::try_from(position).ok().map(ActionId)
    }

    #[must_use]
    pub fn find_trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| eq_ignore_case(&trigger.name, name))
    }

    /// True when some action may answer the caller.
    #[must_use]
    pub fn has_response(&self) -> bool {
        self.actions.iter().any(|action| matches!(action.behavior, Behavior::Response { .. }))
    }
}

/// Siblings: the actions of the definition, of a branch, of a loop's body.
#[derive(Debug, Default)]
pub struct Block {
    /// `None` for the root block.
    pub owner: Option<ActionId>,
    /// In an order in which predecessors come first.
    pub actions: Vec<ActionId>,
}

/// The actions that share one iteration.
#[derive(Debug, Default)]
pub struct Shape {
    /// The loop; `None` for the root.
    pub owner: Option<ActionId>,
    /// The shape around it; `None` for the root.
    pub parent: Option<ShapeId>,
    /// Loops around the actions of this shape, counting its own: 0 for the root.
    pub depth: u32,
    /// Its actions; an action's `slot` is its position here.
    pub actions: Vec<ActionId>,
    /// Some `result()` names the loop, so every iteration's records stay in memory.
    pub keeps_iterations: bool,
}

impl Action {
    /// Whether a part of what it works with is not shown.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secure_inputs || self.secure_outputs
    }
}

/// A declared parameter with its value.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Str,
    /// Given value, else default value, else null.
    pub value: Value,
    /// `securestring` or `secureobject`.
    pub secure: bool,
    /// The environment variable that it stands for (`metadata.schemaName`): each run has
    /// the value that counts when it begins.
    pub schema_name: Option<Str>,
    /// Whether the definition, or who gave values to it, says a value.
    pub has_value: bool,
}

/// An action with everything that does not depend on what it does.
#[derive(Debug)]
pub struct Action {
    pub id: ActionId,
    pub name: Str,
    /// As the definition spells it.
    pub type_name: Str,
    pub kind: Option<Str>,
    pub behavior: Behavior,
    pub block: BlockId,
    /// The iteration it belongs to.
    pub shape: ShapeId,
    /// Its place within the iteration.
    pub slot: u32,
    pub run_after: Vec<RunAfter>,
    /// Siblings that name this one in `runAfter`.
    pub successors: Vec<ActionId>,
    pub secure_inputs: bool,
    pub secure_outputs: bool,
    pub tracked_properties: Option<Template>,
    /// `limit.timeout`, ISO 8601.
    pub timeout: Option<Template>,
    pub options: Options,
    pub transfer: Transfer,
    /// Enabled static result: given instead of running.
    pub static_result: Option<Value>,
}

/// One predecessor and the statuses it may end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAfter {
    pub action: ActionId,
    pub statuses: StatusSet,
}

/// A set of final statuses, one bit each: see [`crate::run::Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet(pub u8);

/// `operationOptions`, those that change what is executed here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the definition language")]
pub struct Options {
    pub disable_async_pattern: bool,
    pub asynchronous: bool,
    pub suppress_workflow_headers: bool,
    pub suppress_workflow_headers_on_response: bool,
    pub fail_when_limits_reached: bool,
    pub include_authorization_headers_in_outputs: bool,
    pub enable_schema_validation: bool,
}

/// How an action gets and gives more than one message holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// `paginationPolicy.minimumItemCount`: pages of a list are got until there are so many
    /// items. Nothing: the first page is all.
    pub items_min: Option<u32>,
    /// `contentTransfer.transferMode` is `Chunked`: a large content travels in parts.
    pub is_chunked: bool,
}

/// What an action does.
#[derive(Debug)]
pub enum Behavior {
    Compose {
        inputs: Template,
    },
    ParseJson {
        content: Template,
        schema: Option<Schema>,
    },
    Select {
        from: Template,
        select: Template,
    },
    Query {
        from: Template,
        condition: Template,
    },
    Join {
        from: Template,
        join_with: Template,
    },
    Table {
        from: Template,
        format: Template,
        columns: Option<Vec<Column>>,
    },
    /// An action of type `Expression`: its kind in lower case, and its inputs.
    Expression {
        kind: Str,
        inputs: Template,
    },
    InitializeVariable {
        variables: Vec<Initialization>,
    },
    SetVariable {
        variable: VariableId,
        value: Template,
    },
    IncrementVariable {
        variable: VariableId,
        value: Template,
    },
    DecrementVariable {
        variable: VariableId,
        value: Template,
    },
    AppendToStringVariable {
        variable: VariableId,
        value: Template,
    },
    AppendToArrayVariable {
        variable: VariableId,
        value: Template,
    },
    If {
        condition: Template,
        then: BlockId,
        otherwise: BlockId,
    },
    Switch {
        on: Template,
        cases: Vec<Case>,
        default: BlockId,
    },
    Scope {
        block: BlockId,
    },
    Foreach {
        over: Template,
        block: BlockId,
        shape: ShapeId,
        concurrency: u32,
    },
    Until(Box<Until>),
    /// `{interval: {count, unit}}` or `{until: {timestamp}}`.
    Wait {
        inputs: Template,
    },
    /// `{runStatus, runError?}`.
    Terminate {
        inputs: Template,
    },
    /// `{statusCode, headers, body}`.
    Response {
        inputs: Template,
    },
    /// `{method, uri, headers, queries, body, cookie, authentication}`.
    Http {
        inputs: Template,
        retry: RetryPolicy,
    },
    /// `{host, body, headers}`; `target` is the flow's name or id as the host gives it.
    Workflow {
        inputs: Template,
        retry: RetryPolicy,
    },
    /// An operation of a connector: see [`Source`].
    Connector {
        source: Source,
        inputs: Template,
        retry: RetryPolicy,
    },
    /// Asks somebody to call back, and waits for it.
    Webhook {
        source: Source,
        inputs: Template,
        retry: RetryPolicy,
    },
    /// A type of the language that this version does not execute: it fails when reached.
    Unsupported {
        inputs: Template,
    },
}

/// What is called, and how its inputs name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An address: `{method, uri, headers, queries, body, authentication}`.
    Http,
    /// An operation by its id: `{host: {connectionName, operationId, apiId}, parameters}`.
    OpenApi,
    /// A path of a connector: `{host: {connection: {name}}, method, path, queries, body}`.
    Managed,
}

/// A column of a Table.
#[derive(Debug)]
pub struct Column {
    pub header: Template,
    pub value: Template,
}

/// One variable of an InitializeVariable.
#[derive(Debug)]
pub struct Initialization {
    pub variable: VariableId,
    pub kind: VariableKind,
    pub value: Option<Template>,
}

/// Types of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableKind {
    Boolean,
    Integer,
    Float,
    String,
    Object,
    Array,
}

impl VariableKind {
    /// As the run history spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VariableKind::Boolean => "Boolean",
            VariableKind::Integer => "Integer",
            VariableKind::Float => "Float",
            VariableKind::String => "String",
            VariableKind::Object => "Object",
            VariableKind::Array => "Array",
        }
    }

    /// Letter case is ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        use VariableKind::{Array, Boolean, Float, Integer, Object, String};
        [Boolean, Integer, Float, String, Object, Array]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A case of a Switch.
#[derive(Debug)]
pub struct Case {
    pub name: Str,
    pub value: Value,
    pub block: BlockId,
}

/// A loop that tests after its body.
#[derive(Debug)]
pub struct Until {
    pub condition: Template,
    pub block: BlockId,
    pub shape: ShapeId,
    /// Iterations at most; default 60.
    pub count: Template,
    /// ISO 8601 duration, checked between iterations; default PT1H.
    pub timeout: Template,
}

/// When and how often a call is repeated. Durations in ticks of 100 ns.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryPolicy {
    None,
    Fixed {
        count: u32,
        interval: i64,
    },
    Exponential {
        count: u32,
        interval: i64,
        minimum: i64,
        maximum: i64,
    },
    /// Some part is an expression: evaluated with the inputs, under `retryPolicy`.
    Evaluated,
}

/// A trigger.
#[derive(Debug)]
pub struct Trigger {
    pub name: Str,
    pub type_name: Str,
    pub kind: Option<Str>,
    pub behavior: TriggerBehavior,
    /// As the definition gives them, for the trigger's record; `None` when absent.
    pub inputs: Option<Value>,
    pub conditions: Vec<Template>,
    pub split_on: Option<Template>,
    /// `correlation.clientTrackingId`.
    pub client_tracking_id: Option<Template>,
    pub concurrency: Option<TriggerConcurrency>,
    pub secure_inputs: bool,
    pub secure_outputs: bool,
    pub options: Options,
}

/// What fires a trigger.
#[derive(Debug)]
pub enum TriggerBehavior {
    Request {
        /// `None`: any method may call (the default is POST; an absent method is not enforced).
        method: Option<Str>,
        relative_path: Option<RelativePath>,
        schema: Option<Schema>,
    },
    Recurrence(Box<Recurrence>),
    /// Asks again and again whether there is something new.
    Poll(Box<Poll>),
    /// Subscribes when the flow is turned on, and is called then; where the operation knows no
    /// way to be called, it asks.
    Webhook(Box<Poll>),
    /// A type that this version does not serve: runs are started by hand.
    Unsupported,
}

/// A trigger that asks.
#[derive(Debug)]
pub struct Poll {
    pub source: Source,
    pub inputs: Template,
    pub retry: RetryPolicy,
    pub recurrence: Recurrence,
    /// A condition reads the status: it decides, and not the status alone.
    pub reads_status: bool,
}

/// `a/{b}/c`: segments in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelativePath(pub Vec<Segment>);

impl std::fmt::Display for RelativePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            let slash = if at == 0 { "" } else { "/" };
            match segment {
                Segment::Literal(text) => write!(f, "{slash}{text}")?,
                Segment::Parameter(name) => write!(f, "{slash}{{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(Str),
    Parameter(Str),
}

/// Runs at a time, and starts that may wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerConcurrency {
    pub runs: u32,
    pub waiting_max: u32,
}

/// Binds names of a definition to their numbers. Names are known before any
/// expression is parsed.
#[derive(Debug, Default)]
pub struct Names {
    /// By lower-case name.
    pub actions: std::collections::HashMap<String, u32>,
    pub variables: std::collections::HashMap<String, u32>,
    pub parameters: std::collections::HashMap<String, u32>,
}

impl Binder for Names {
    fn bind(&self, kind: RefKind, name: &str) -> Option<u32> {
        let names = match kind {
            // a loop's number is its action's
            RefKind::Action | RefKind::Loop => &self.actions,
            RefKind::Variable => &self.variables,
            RefKind::Parameter => &self.parameters,
        };
        if let Some(number) = names.get(name) {
            return Some(*number);
        }
        // designers write the spaces of a loop's name as underscores
        names.get(&name.to_lowercase()).copied().or_else(|| {
            (kind == RefKind::Loop)
                .then(|| names.get(&name.to_lowercase().replace(' ', "_")).copied())
                .flatten()
        })
    }
}
