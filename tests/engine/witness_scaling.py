"""The autoscaler of the second witness: wishes, start-up, draining, and the bill."""

from __future__ import annotations

import math


class Scaling:
    """Mixed into the witness's fleet, which brings `fleet`, `functions`, `call`, `books` and the views."""

    def start_scaling(self, replicas):
        self.replicas = replicas
        scaler = self.fleet.autoscaler
        self.last_scale, self.next_autoscale = self.begin, math.inf
        self.wanted = len(self.rows())
        if scaler is not None and "replicas" in self.functions:
            self.next_autoscale = self.begin + scaler.interval_s
            self.wanted = sum(1 for one in self._scaled() if one.state == "serving")

    def rows(self):
        """Replicas in the order of a view: serving, starting, draining."""
        return [one for state in ("serving", "starting", "draining") for one in self.replicas if one.state == state]

    def _scaled(self):
        group = self.fleet.groups[self.fleet.autoscaler.group]
        return [one for one in self.replicas if one.group is group]

    def get_ready(self, t):
        for one in self.replicas:
            if one.state == "starting" and one.ready_at <= t:
                one.state = "serving"
        self.last_scale = t
        self.poked.update(self.pickers)

    def autoscale(self, t):
        scaler = self.fleet.autoscaler
        self.next_autoscale += scaler.interval_s
        for one in self.rows():
            self.scrapes[-1].read(one, t)
        serving = self._count("serving")
        answer = self.call("replicas", {"fleet": self.fleet_view(None, t)}, self.replica_views(None, t))
        if answer is None:
            return
        self.wanted = min(max(math.ceil(answer), scaler.min_replicas), scaler.max_replicas)
        before = [one.state for one in self.replicas]
        while self._count("starting", "serving") < self.wanted and self._grow(t):
            pass
        while self._count("starting", "serving") > self.wanted and self._shrink(t):
            pass
        if before != [one.state for one in self.replicas]:
            self.last_scale = t
        if self._count("serving") > serving:
            self.poked.update(self.pickers)

    def _count(self, *states):
        return sum(1 for one in self._scaled() if one.state in states)

    def _grow(self, t):
        """A draining replica comes back at once; else an absent one starts."""
        for one in self._scaled():
            if one.state == "draining":
                one.state = "serving"
                return True
        for one in self._scaled():
            if one.state == "absent":
                one.state, one.born, one.ready_at = "starting", t, t + self.fleet.autoscaler.startup_s
                return True
        return False

    def _shrink(self, t):
        """The one that would be ready last is given up; else the one with the fewest requests drains."""
        starting = [one for one in self._scaled() if one.state == "starting"]
        if starting:
            self._remove(max(starting, key=lambda one: (one.ready_at, one.slot)), t)
            return True
        serving = [one for one in self._scaled() if one.state == "serving"]
        if not serving:
            return False
        chosen = min(serving, key=lambda one: (len(self.books(None, one)), -one.slot))
        chosen.state = "draining"
        self.leave(chosen, t)
        return True

    def leave(self, one, t):
        if one.state == "draining" and one.idle and not self.books(None, one):
            self._remove(one, t)

    def _remove(self, one, t):
        one.gpu_s += (t - one.born) * one.group.gpus
        one.state = "absent"

    def gpu_hours(self):
        alive = sum((self.progress - one.born) * one.group.gpus for one in self.replicas if one.state != "absent")
        return (sum(one.gpu_s for one in self.replicas) + alive) / 3600.0
