//! The flows that do not end as Succeeded, and why that is what they are to do.

/// A flow that ends in another state.
pub struct Otherwise {
    /// The beginning of the solution's name, and the file's number in it.
    pub flow: &'static str,
    pub state: &'static str,
    /// The action that ends it so, or the code with which it ends itself.
    pub action: &'static str,
    #[expect(dead_code, reason = "for those who read the table")]
    pub why: &'static str,
}

pub const OTHERWISE: &[Otherwise] = &[
    Otherwise {
        flow: "romi/0041",
        state: "Failed",
        action: "Set_SolutionAwareFlow_to_false_if_error",
        why: "Sets a boolean variable to '@{false}', which is text, where a flow is in no solution; \
              its twin 0090 says '@false' and succeeds.",
    },
    Otherwise {
        flow: "romi/0071",
        state: "Failed",
        action: "500",
        why: "Terminates as Failed when a helper does not answer 'pass', and compares with an empty \
              text instead of the answer of one of them; the mocks of others say 'text'.",
    },
];
