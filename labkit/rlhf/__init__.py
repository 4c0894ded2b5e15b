"""Learning from preferences and rewards (chapter 7), read in this order:

- exact, toy: what is measured by: an objective, its optimum, and a task on which both are sums.
- policy, table: what writes. run: what all training of a policy shares.
- reinforce, rloo, ppo, grpo, dpo, best_of_n: the methods; estimators, gradients: what they rest on; toy_runs: all of
  them on the toy board.
- preferences, reward_model, reward_run, reward_fit, calibration: from answers to rewards.
- overoptimise, proxies: what happens when a learned reward is climbed too far.
- text, rewards, decoding, sft, scored, advantage, offline, domain, align: the same with words.
- route_rewards: the same with the routes of chapter 6.
"""

from .policy import GPTPolicy, Policy, Samples
from .run import PolicyConfig, PolicyRun

__all__ = ["GPTPolicy", "Policy", "PolicyConfig", "PolicyRun", "Samples"]
