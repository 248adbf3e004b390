//! The flows that do not end as Succeeded, and why that is what they are to do.

/// A flow that ends in another state.
pub struct Otherwise {
    /// The beginning of the solution's name, and the file's number in it.
    pub flow: &'static str,
    pub state: &'static str,
    /// The action that ends it so.
    pub action: &'static str,
    #[expect(dead_code, reason = "for those who read the table")]
    pub why: &'static str,
}

pub const OTHERWISE: &[Otherwise] = &[Otherwise {
    flow: "romi/0041",
    state: "Failed",
    action: "Set_SolutionAwareFlow_to_false_if_error",
    why: "Sets a boolean variable to '@{false}', which is text, where a flow is in no solution; \
          its twin 0090 says '@false' and succeeds.",
}];
