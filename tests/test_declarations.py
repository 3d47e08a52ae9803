"""Mistakes in a declaration are found when the class is defined, or when the pipeline starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from eventsourcing.utils import resolve_topic

from domain.aggregate import Aggregate
from domain.command import commands_of, describe, index
from domain.declaration import WrongDeclaration
from domain.parameters import Its, command
from tests.scenario import World


class Work(Aggregate):
    """A base in between: what some aggregates share beyond what all do."""

    needs = "projects.plan"

    title: str
    done: bool = False

    class Finished(Aggregate.Event):
        done: bool = True

    @command
    def finish(self) -> None:
        """It is done."""
        self.trigger_event(self.Finished)


class Chore(Work):
    class Planned(Aggregate.Created):
        title: str

    @classmethod
    @command
    def plan(cls, title: str) -> Chore:
        """Begin a chore."""
        return cls._create(cls.Planned, title=title)

    @command
    def finish(self) -> None:
        """It is done, and so it is put away."""
        super().finish()
        self.archive("done")


@dataclass(frozen=True)
class Stop:
    chore_id: UUID


class Meddler(Aggregate):
    needs = "projects.plan"

    class Begun(Aggregate.Created):
        pass

    @classmethod
    @command
    def begin(cls) -> Meddler:
        """Begin."""
        return cls._create(cls.Begun)

    @command
    def meddle(self, chore: Chore) -> None:
        """Change another and say nothing."""
        chore.finish()

    @command(mutation="lose")
    def lose_one(self) -> None:
        """Make another and say nothing."""
        Chore.plan("lost")


def test_a_base_in_between_gives_commands_and_events_to_those_below(new_world: Callable[..., World]) -> None:
    world = new_world([Chore])
    chore = world.given("Chore.plan", title="sweep")

    then = world.when("Chore.finish", chore)

    assert [event.TOPIC for event in then.recorded] == ["Chore.Finished", "Chore.Archived"]
    assert world.load(chore).done and world.load(chore).archived


def test_a_command_that_changes_what_it_does_not_return_is_a_mistake(new_world: Callable[..., World]) -> None:
    world = new_world([Chore, Meddler])
    chore, meddler = world.given("Chore.plan", title="sweep"), world.given("Meddler.begin")

    with pytest.raises(TypeError, match=r"Meddler.meddle changes Chore, but does not return it"):
        world.when("Meddler.meddle", meddler, chore_id=chore)
    assert not world.load(chore).done


def test_a_command_that_makes_what_it_does_not_return_is_a_mistake(new_world: Callable[..., World]) -> None:
    world = new_world([Chore, Meddler])
    meddler = world.given("Meddler.begin")

    with pytest.raises(TypeError, match=r"Meddler.lose_one makes Chore, but does not return it"):
        world.when("Meddler.lose_one", meddler)
    assert world.position == 1


def test_a_mutation_may_have_a_name_of_its_own() -> None:
    assert describe(Meddler, "lose_one").mutation == "lose"


def test_a_mutation_holds_the_noun_once_and_as_a_word() -> None:
    class Art(Aggregate):
        needs = "projects.plan"

        @command
        def add_article(self) -> None:
            """Add an article."""

        @command
        def move_art_away(self) -> None:
            """Move it away."""

    assert describe(Art, "add_article").mutation == "addArtArticle"
    assert describe(Art, "move_art_away").mutation == "moveArtAway"


def test_an_event_names_attributes() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong1.Renamed names `nmae`, which is no attribute"):

        class Wrong1(Aggregate):
            name: str = ""

            class Renamed(Aggregate.Event):
                nmae: str


def test_an_event_of_an_item_names_where_items_are() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong2.LineAdded is of an item of `lines`, but there is no such"):

        class Wrong2(Aggregate):
            class LineAdded(Aggregate.Event):
                item_of = "lines"
                line_id: UUID


def test_what_has_no_default_is_set_from_the_start() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong3.Begun does not set `name`"):

        class Wrong3(Aggregate):
            name: str

            class Begun(Aggregate.Created):
                pass


def test_a_unique_attribute_exists() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong4 says that `code` is unique"):

        class Wrong4(Aggregate):
            unique = ("code",)


def test_a_command_is_replaced_by_a_command() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong5.archive replaces a command of Aggregate"):

        class Wrong5(Aggregate):
            def archive(self, reason: str | None = None) -> None: ...


def test_a_command_has_a_docstring() -> None:
    with pytest.raises(WrongDeclaration, match=r"Wrong6.act is a command without a docstring"):

        class Wrong6(Aggregate):
            @command(needs="projects.edit")
            def act(self) -> None: ...


def test_a_class_that_was_wrong_can_be_defined_again() -> None:
    with pytest.raises(WrongDeclaration):
        type("Mended", (Aggregate,), {"__module__": __name__, "unique": ("code",)})

    mended = type("Mended", (Aggregate,), {"__module__": __name__})

    assert resolve_topic("Mended") is mended


def test_its_is_an_attribute() -> None:
    class Wrong7(Aggregate):
        needs = "projects.plan"

        @command
        def act(self, chore: Its[Chore]) -> None:
            """Act."""

    with pytest.raises(WrongDeclaration, match=r"Wrong7.act: its `chore_id` is no attribute"):
        commands_of(Wrong7)


def test_its_many_are_the_keys_of_its_own_items(new_world: Callable[..., World]) -> None:
    class Round(Aggregate):
        needs = "projects.plan"
        chores: Mapping[UUID, Stop] = field(default_factory=dict)

        class Begun(Aggregate.Created):
            pass

        class ChoreTaken(Aggregate.Event):
            item_of = "chores"
            chore_id: UUID

        @classmethod
        @command
        def begin(cls) -> Round:
            """Begin."""
            return cls._create(cls.Begun)

        @command
        def take(self, chore: Chore) -> None:
            """Take a chore on."""
            self.trigger_event(self.ChoreTaken, chore_id=chore.id)

        @command
        def end(self, chores: Its[tuple[Chore, ...]]) -> None:
            """All chores are done."""
            self.require(all(each.done for each in chores), f"{sum(not each.done for each in chores)} are left")
            self.archive()

    world = new_world([Chore, Round])
    walk, other = world.given("Round.begin"), world.given("Round.begin")
    chores = [world.given("Chore.plan", title=title) for title in ("sweep", "dust")]
    for chore in chores:
        world.given("Round.take", walk, chore_id=chore)

    assert describe(Round, "end").arguments == ()
    world.given("Chore.finish", chores[0])
    world.when("Round.end", walk).is_refused("1 are left")
    world.given("Chore.finish", chores[1])
    world.given("Round.end", walk)

    world.given("Round.end", other)


def test_what_makes_an_aggregate_has_nothing_of_its_own() -> None:
    class Wrong8(Aggregate):
        needs = "projects.plan"
        chore_id: UUID | None = None

        @classmethod
        @command
        def begin(cls, chore: Its[Chore | None]) -> Wrong8:
            """Begin."""
            return cls._create(cls.Created)

    with pytest.raises(WrongDeclaration, match=r"Wrong8.begin makes an aggregate, which has nothing of its own"):
        commands_of(Wrong8)


def test_what_is_always_filled_takes_no_default() -> None:
    class Wrong9(Aggregate):
        needs = "projects.plan"
        chore_id: UUID | None = None

        @command
        def act(self, chore: Its[Chore | None] = None) -> None:
            """Act."""

    with pytest.raises(WrongDeclaration, match=r"`chore` is always filled"):
        commands_of(Wrong9)


def test_a_parameter_says_what_it_is() -> None:
    class Wrong10(Aggregate):
        needs = "projects.plan"

        @command
        def act(self, what) -> None:  # type: ignore[no-untyped-def]
            """Act."""

        @command
        def act_on(self, what: Unheard) -> None:  # type: ignore[name-defined]  # noqa: F821
            """Act on it."""

    with pytest.raises(WrongDeclaration, match=r"Wrong10.act: `what` has no annotation"):
        describe(Wrong10, "act")
    with pytest.raises(WrongDeclaration, match=r"Wrong10.act_on: name 'Unheard' is not defined"):
        describe(Wrong10, "act_on")


def test_two_commands_of_one_mutation_clash_at_start(new_world: Callable[..., World]) -> None:
    class Errand(Aggregate):
        needs = "service.answer"

        @command
        def close(self) -> None:
            """Close it."""

        @command
        def close_errand(self) -> None:
            """Close it again."""

    with pytest.raises(WrongDeclaration, match=r"Errand.close and Errand.close_errand would both be .* `closeErrand`"):
        new_world([Errand])


def test_two_aggregates_of_one_name_clash() -> None:
    class Twin(Aggregate):
        pass

    with pytest.raises(Exception, match="already registered"):
        type("Twin", (Aggregate,), {"__module__": __name__})


class Loose(Aggregate):
    needs = "projects.plan"

    amount: int = 0

    class AmountChanged(Aggregate.Event):
        amount: str


class Changeable(Aggregate):
    needs = "projects.plan"

    parts: dict[str, str] = field(default_factory=dict)


class Fixed(Aggregate):
    needs = "projects.plan"

    parts: Mapping[str, str] = field(default_factory=dict)


class Open(Aggregate):
    @command
    def act(self) -> None:
        """Act."""


def test_an_event_gives_an_attribute_what_it_may_be() -> None:
    with pytest.raises(WrongDeclaration, match=r"Loose.AmountChanged: `amount` is <class 'str'>"):
        index([Loose])


def test_no_attribute_can_be_changed_in_place() -> None:
    with pytest.raises(WrongDeclaration, match=r"Changeable: `parts` could be changed in place"):
        index([Changeable])
    assert index([Fixed])


def test_every_command_names_a_permission() -> None:
    with pytest.raises(WrongDeclaration, match=r"names no permission"):
        index([Open])
