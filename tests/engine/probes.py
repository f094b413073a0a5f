"""Policies that read any field of any view, so that a field that is wrong somewhere becomes a wrong decision."""

from __future__ import annotations

import functools

from glia_sim.policy import document, fields

OWNERS = {
    "request": [field.name for field in fields.REQUEST],
    "replica": [field.name for field in fields.REPLICA],
    "other": [field.name for field in fields.REPLICA],
    "fleet": [field.name for field in fields.FLEET],
}
FACTORS = (-4, -2, -1, -0.5, -0.25, 0.125, 0.5, 1, 2, 3)
SWITCHES = ("limit", "block", "fault", "sound", "demand")
PARAMETER = "  {name}: {{value: 0, low: -128, high: 128, unit: any, meaning: any}}\n"


def _names(owner):
    return [f"{owner}_{name}" for name in OWNERS[owner]]


def _sum(owner, indent=6):
    """Lines that sum all fields of an owner, each times a parameter of its own."""
    terms = [f"{' ' * indent}{owner}_sum += p.{owner}_{name} * {owner}.{name}\n" for name in OWNERS[owner]]
    return "".join(terms)


def _loop():
    return f"      other_sum = 0\n      for other in fleet.replicas:\n{_sum('other', 10)}"


@functools.cache
def whole():
    """One policy that reads all there is, each field times a parameter, so that it is compiled once."""
    asked, whole_fleet = f"      request_sum = 0\n{_sum('request')}", f"      fleet_sum = 0\n{_sum('fleet')}"
    one = f"      replica_sum = 0\n{_sum('replica')}"
    gate = (
        "      if replica_sum + fleet_sum > p.limit:\n          if p.block > 0:\n              return BLOCK\n"
        "          return SKIP\n"
    )
    answer = "replica_sum + other_sum * replica.index + p.fault / (p.fault * replica.waiting + p.sound)"
    text = (
        f"router: |\n  def order(request, fleet, p):\n{asked}{whole_fleet}      return request_sum + fleet_sum\n"
        f"  def score(request, replica, fleet, p):\n{one}{whole_fleet}{gate}{_loop()}      return {answer}\n"
        f"scheduler: |\n  def priority(request, fleet, p):\n{asked}      return request_sum\n"
        f"autoscaler: |\n  def replicas(fleet, p):\n{whole_fleet}{_loop()}"
        "      return (p.demand * (fleet.held + fleet.in_flight) + fleet_sum + other_sum) / 16\n"
    )
    names = [*SWITCHES, *(name for owner in OWNERS for name in _names(owner))]
    parameters = "".join(PARAMETER.format(name=name) for name in names)
    return document.loads(f"name: whole\nrationale: reads all\nparameters:\n{parameters}{text}", place="whole")


def values(rng):
    """Which fields count, and gates that are open more often than not."""
    chosen = {}
    for owner, most in (("request", 2), ("replica", 3), ("fleet", 2), ("other", 2)):
        chosen |= {name: rng.choice(FACTORS) for name in rng.sample(_names(owner), rng.randint(0, most))}
    fault = rng.choice([0, 0, 0, 1])
    switches = (rng.choice([0, 4, 16, 64]), rng.choice([0, 1]), fault, 1 - fault, rng.choice([0, 4, 16]))
    return chosen | dict(zip(SWITCHES, switches, strict=True))


def sparse(rng):
    """A policy that reads a few fields only, so that the engine leaves out what it need not compute."""
    few = [f"{rng.choice(FACTORS)} * {owner}.{rng.choice(OWNERS[owner])}" for owner in ("replica", "replica", "fleet")]
    key = f"{rng.choice(FACTORS)} * request.{rng.choice(OWNERS['request'])}"
    order = f"  def order(request, fleet, p):\n      return {key}\n"
    gate = f"      if replica.{rng.choice(OWNERS['replica'])} > {rng.choice([4, 16])}:\n          return SKIP\n"
    score = f"  def score(request, replica, fleet, p):\n{rng.choice(['', gate])}      return {' + '.join(few)}\n"
    text = f"name: sparse\nrationale: reads little\nrouter: |\n{rng.choice(['', order])}{score}"
    return document.loads(text, place="sparse")
