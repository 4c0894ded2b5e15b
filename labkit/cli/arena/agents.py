"""Commands for one's agents: make, train, question, tune and keep them."""

from collections.abc import Sequence
from statistics import fmean

from labkit.arena import Agent, AgentConfig, list_agents, save_agent
from labkit.arena.agent import SETTINGS, WINDOW
from labkit.arena.energy import JOULES_PER_FLOP
from labkit.scalar.gpt import DECAY_STEPS
from labkit.training import Step

from .base import BaseShell
from .commands import CommandError, Given, command, decimal, there_is
from .text import joules, limit, number, progress, stop_on_interrupt, table

DECAYED = f"steps past {DECAY_STEPS:,} hardly move anything: the learning rate falls with them to almost nothing"
LINES = 5
"""How often a training tells where it is when there is no bar of progress."""


class AgentCommands(BaseShell):
    """What is done with one agent."""

    @command(
        "create_agent NAME N_EMBD N_LAYER N_HEAD [LEARNING_RATE] [energy=J] [engine=scalar|torch]",
        example="create_agent Tiny 8 1 2",
    )
    def do_create_agent(self, given: Given) -> None:
        """Make an agent: its width, layers, heads; it becomes the current one.

        N_EMBD must be divisible by N_HEAD. LEARNING_RATE is 0.01 when left out. energy=J is what it may
        spend, in joules (a million operations each): a wider model pays more for each step and each name.
        engine=torch computes in tensors (chapter 4): the same losses and names for the same energy, sooner.
        """
        name = given.words[0]
        if taken := [other for other in self.agents if other.lower() == name.lower()]:
            raise CommandError(f"there is an agent {taken[0]} already: choose another name, or forget {taken[0]}")
        n_embd, n_layer, n_head = (given.whole(i, ("N_EMBD", "N_LAYER", "N_HEAD")[i - 1]) for i in (1, 2, 3))
        rate = decimal(given.words[4], "LEARNING_RATE") if given.word(4) else AgentConfig.learning_rate
        energy = decimal(given.options["energy"], "energy") if "energy" in given.options else None
        engine = given.options.get("engine", AgentConfig.engine)
        config = AgentConfig(name, n_embd, n_layer, n_head, rate, engine, seed=self.seed)
        agent = Agent(config, self.names, energy)
        self.agents[name], self.current = agent, name
        self.unsaved.add(name)
        cost = agent.run.flops.training(7) * JOULES_PER_FLOP
        self.say(
            f"{name}: {_shape(agent)}, learning rate {config.learning_rate:g}\n"
            f"a training step on a name of six letters costs {joules(cost)}; energy: {limit(energy)}"
        )
        if name in list_agents(self.folder):
            self.say(f"another {name} is saved already: save would replace it, load {name} brings it back")

    @command("agents", example="agents")
    def do_agents(self, given: Given) -> None:
        """List the agents in memory (* is the current one) and those saved."""
        rows = [
            (
                "*" if name == self.current else "",
                name,
                agent.config.n_embd,
                agent.config.n_layer,
                agent.config.n_head,
                len(agent.run.model.params),
                agent.run.step,
                recent_loss(agent.run.history),
                f"{number(agent.budget.spent)} / {limit(agent.budget.limit)}",
                "no" if name in self.unsaved else "yes",
            )
            for name, agent in self.agents.items()
        ]
        columns = ("", "agent", "n_embd", "n_layer", "n_head", "weights", "steps", "loss", "spent / energy", "saved")
        if rows:
            self.say(table(columns, rows))
        elif not list_agents(self.folder):
            self.say("no agent yet: create_agent Tiny 8 1 2")
        if others := [name for name in list_agents(self.folder) if name not in self.agents]:
            self.say(f"saved, not in memory: {', '.join(others)} (load NAME)")

    @command("switch AGENT", example="switch Tiny")
    def do_switch(self, given: Given) -> None:
        """Make another agent the current one: train, generate and config are about it."""
        self.current = self.agent(given.words[0]).name
        self.say(f"{self.current} is the current agent")

    @command("status [AGENT]", example="status")
    def do_status(self, given: Given) -> None:
        """Show the current agent: shape, progress, settings, energy."""
        agent = self.agent(given.word(0))
        run, budget = agent.run, agent.budget
        cost = run.flops.training(7) * JOULES_PER_FLOP
        left = "" if budget.limit is None else f", {joules(budget.left)} left: about {int(budget.left / cost):,} steps"
        loss = recent_loss(run.history)
        steps = f"{run.step:,}" + (f", loss {number(loss)} nats (mean of the last {WINDOW})" if loss else "")
        why = f"; training stopped: {agent.stopped_because}" if agent.stopped_because not in (None, "done") else ""
        rows = [
            ("agent", f"{agent.name} ({'not saved' if agent.name in self.unsaved else 'saved'})"),
            ("model", f"{_shape(agent)}, engine {agent.config.engine}, seed {agent.config.seed}"),
            ("names", f"{agent.names.source}: {len(agent.names.train):,} to learn"),
            ("steps", steps + why),
            ("settings", ", ".join(f"{key} {_setting(key, value)}" for key, value in agent.settings().items())),
            (
                "energy",
                f"{joules(budget.spent)} spent of {limit(budget.limit)}{left}; a step costs about {joules(cost)}",
            ),
        ]
        width = max(len(key) for key, _ in rows)
        self.say("\n".join(f"{key:<{width}}  {value}" for key, value in rows))
        if run.model.step_count >= DECAY_STEPS:
            self.say(DECAYED)

    @command("train N", example="train 200")
    def do_train(self, given: Given) -> None:
        """Train the current agent for N steps, one name each.

        Ctrl+C stops after the step that is under way, and what was learned stays. Training ends early
        when the energy is used up or the loss is no longer a number.
        """
        agent, n = self.agent(), given.whole(0, "N")
        if agent.run.model.step_count + n > DECAY_STEPS:
            self.say(DECAYED)
        made: list[Step] = []
        every = max(1, -(-n // LINES))
        with stop_on_interrupt() as asked, progress(n, f"training {agent.name}", self.stdout) as shown:
            for step in agent.steps(n):
                made.append(step)
                self.unsaved.add(agent.name)
                shown.set_postfix_str(f"loss {number(recent_loss(made) or 0)}, {joules(agent.budget.spent)}", False)
                shown.update()
                if shown.disable and len(made) % every == 0 and len(made) < n:
                    spent = joules(agent.budget.spent)
                    self.say(f"  step {step.step:>6,}   mean loss {_mean(made[-every:])}   {spent} spent")
                if asked():
                    self.interrupted = True
                    break
        self._tell_training(agent, made, n)

    def _tell_training(self, agent: Agent, made: list[Step], n: int) -> None:
        reason = None if self.interrupted else agent.stopped_because
        if reason == "out of energy" and not made:
            cost = agent.run.next_cost() * JOULES_PER_FLOP
            raise CommandError(
                f"out of energy: the next step costs {joules(cost)}, and {joules(agent.budget.left)} of "
                f"{limit(agent.budget.limit)} are left; config energy J raises the limit"
            )
        text = f"{agent.name}: {len(made):,} steps, {agent.run.step:,} in all; {joules(agent.budget.spent)} spent"
        if agent.budget.limit is not None:
            text += f", {joules(agent.budget.left)} left"
        self.say(text)
        window = min(WINDOW, len(made))
        if made and len(made) >= 2 * WINDOW:
            self.say(f"loss {_mean(made[:window])} -> {_mean(made[-window:])} nats (first and last {window} steps)")
        elif made:
            self.say(f"loss {_mean(made[-window:])} nats (mean of the last {window} steps)")
        if self.interrupted:
            self.say(f"stopped by Ctrl+C after {len(made):,} of {n:,} steps; what was learned stays")
        elif reason == "out of energy":
            self.say("the energy is used up: config energy J raises the limit")
        elif reason == "diverged":
            self.say(f"training diverged: {agent.trouble}\nthe last sound model is back; diagnose says what to do")

    @command("generate [N] [TEMPERATURE]", example="generate 10 0.8")
    def do_generate(self, given: Given) -> None:
        """Let the current agent write N names (10), and score them.

        Points, 0 to 100: how sure the agent is of the name's letters; none for a name that is copied from
        the training names, written twice or empty. Writing costs energy. A low TEMPERATURE plays safe.
        """
        agent = self.agent()
        n = given.whole(0, "N") if given.word(0) else 10
        heat = decimal(given.words[1], "TEMPERATURE") if given.word(1) else None
        before = agent.budget.spent
        written = agent.generate(n, heat)
        self.unsaved.add(agent.name)
        rows = []
        for g in written:
            kind = "new" if g.new else "empty" if not g.name else "copied" if g.name in agent.known else "repeated"
            rows.append((g.name or '""', f"{g.score:.1f}", kind))
        self.say(table(("name", "points", ""), rows))
        new, spent = sum(g.new for g in written), agent.budget.spent - before
        mean = fmean(g.score for g in written)
        self.say(f"{new} of {len(written)} new, {number(mean)} points on average; {joules(spent)} spent")
        if len(written) < n:
            self.say("the energy is used up: config energy J raises the limit")

    @command("config [KEY] [VALUE]", example="config learning_rate 0.02")
    def do_config(self, given: Given) -> None:
        """Show or change the current agent's settings.

        learning_rate: the next step uses it. temperature: the next name does; 0 takes the likeliest letter.
        energy: the most it may spend, in joules, or none. The shape is fixed when an agent is made.
        """
        agent = self.agent()
        key, value = given.word(0), given.word(1)
        if key and key not in SETTINGS and key not in agent.config.to_dict():
            raise CommandError(there_is("setting", key, SETTINGS))
        if key and value:
            agent.configure(key, value)
            self.unsaved.add(agent.name)
        elif key and key not in SETTINGS:
            self.say(f"{key}  {agent.config.to_dict()[key]}  (fixed)")
            return
        rows = [(k, _setting(k, v)) for k, v in agent.settings().items() if key in (None, k)]
        self.say(table((agent.name, ""), rows))

    # -- keeping

    @command("save [AGENT ...]", example="save Tiny")
    def do_save(self, given: Given) -> None:
        """Write agents to the folder, with all that they have learned.

        The current one when none is named. An earlier file of the same name is replaced.
        """
        for name in given.words or [self.agent().name]:
            path = save_agent(self.agent(name), self.folder)
            self.unsaved.discard(name)
            self.say(f"saved {path}")

    @command("load SAVED", example="load Tiny")
    def do_load(self, given: Given) -> None:
        """Read a saved agent; it goes on as if it had never stopped."""
        name = given.words[0]
        agent = self.read_agent(name, self.folder)
        if name in self.unsaved and not self.confirm(f"{name} in memory is not saved. Replace it?"):
            return
        self.agents[name], self.current = agent, name
        self.unsaved.discard(name)
        self.say(f"{name}: {_shape(agent)}; {agent.run.step:,} steps, {joules(agent.budget.spent)} spent")

    @command("forget AGENT", example="forget Tiny")
    def do_forget(self, given: Given) -> None:
        """Take an agent out of memory; its file, if it was saved, stays."""
        name = self.agent(given.words[0]).name
        if name in self.unsaved and not self.confirm(f"{name} is not saved. Forget it?"):
            return
        del self.agents[name]
        self.unsaved.discard(name)
        if self.current == name:
            self.current = next(iter(self.agents), None)
        on_disk = "its file stays" if name in list_agents(self.folder) else "it was never saved"
        self.say(f"forgot {name} ({on_disk})" + (f"; {self.current} is the current agent" if self.current else ""))


def recent_loss(history: Sequence[Step]) -> float | None:
    """The mean of the last steps, in nats; None before the first."""
    return fmean(step.loss for step in history[-WINDOW:]) if history else None


def _mean(steps: Sequence[Step]) -> str:
    return number(fmean(step.loss for step in steps))


def _shape(agent: Agent) -> str:
    c = agent.config
    plural = "" if c.n_layer == 1 else "s"
    heads = "1 head" if c.n_head == 1 else f"{c.n_head} heads"
    torch = ", in torch" if c.engine == "torch" else ""
    return f"width {c.n_embd}, {c.n_layer} layer{plural}, {heads}, {len(agent.run.model.params):,} weights{torch}"


def _setting(key: str, value: float | None) -> str:
    return limit(value) if key == "energy" else f"{value:g}"
