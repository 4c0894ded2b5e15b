"""Learning from preferences (chapter 7). So far its measure: a task that can be enumerated, and its exact optimum."""
