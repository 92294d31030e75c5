"""An unmodified pymesos scheduler: 102 commands, of which 100 finish, one fails and one is killed.

usage: pymesos_tasks.py HOST:PORT
Prints one line of JSON with the final states and exits 0 when they are the expected ones.
"""

import getpass
import json
import sys
import threading

from pymesos import MesosSchedulerDriver, Scheduler

FINISHING = 100
CPUS, MEM_MB = 0.1, 32
DEADLINE_SECONDS = 120


class Tasks(Scheduler):
    def __init__(self):
        commands = {"finish-%03d" % n: "test %d -ge 0" % n for n in range(FINISHING)}
        commands["fail"] = "exit 3"
        commands["kill"] = "sleep 1000"
        self.waiting = sorted(commands.items())
        self.total = len(commands)
        self.final = {}
        self.messages = {}
        self.done = threading.Event()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            free = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
            tasks = []
            while self.waiting and free["cpus"] >= CPUS and free["mem"] >= MEM_MB:
                free["cpus"] -= CPUS
                free["mem"] -= MEM_MB
                name, command = self.waiting.pop()
                tasks.append(self.task(name, command, offer["agent_id"]))
            driver.launchTasks(offer["id"], tasks, {"refuse_seconds": 1})

    @staticmethod
    def task(name, command, agent_id):
        return {
            "name": name,
            "task_id": {"value": name},
            "agent_id": agent_id,
            "command": {"value": command, "shell": True},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": CPUS}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": MEM_MB}},
            ],
        }

    def statusUpdate(self, driver, update):
        name, state = update["task_id"]["value"], update["state"]
        if name == "kill" and state == "TASK_RUNNING":
            driver.killTask(update["task_id"])
        if driver_says_ended(state):
            self.final[name] = state
            self.messages[name] = update.get("message", "")
            if len(self.final) == self.total:
                self.done.set()

    def error(self, driver, message):
        print("the master says: %s" % (message,), file=sys.stderr)


def driver_says_ended(state):
    return state in ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR")


def main():
    scheduler = Tasks()
    framework = {"user": getpass.getuser(), "name": "pymesos-tasks", "hostname": "localhost"}
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    driver.start()
    in_time = scheduler.done.wait(DEADLINE_SECONDS)
    driver.stop()
    finished = sum(1 for state in scheduler.final.values() if state == "TASK_FINISHED")
    result = {
        "finished": finished,
        "fail": scheduler.final.get("fail"),
        "kill": scheduler.final.get("kill"),
        "fail_message": scheduler.messages.get("fail"),
    }
    print(json.dumps(result))
    expected = finished == FINISHING and result["fail"] == "TASK_FAILED" and result["kill"] == "TASK_KILLED"
    sys.exit(0 if in_time and expected else 1)


main()
