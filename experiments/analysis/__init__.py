"""From exact state to looks, snapshots, verdicts and one sentence."""
