"""An unmodified pymesos scheduler whose tasks run in its own pymesos executor, with messages both ways.

usage: pymesos_messages.py HOST:PORT            (the scheduler)
       pymesos_messages.py --executor           (started by an agent)

Each task asks its executor to double a number that travels in the task's data; the answer comes back as a status' data.
Then the scheduler sends the executor a message, which it answers in upper case.
"""

import getpass
import json
import os
import sys
import threading

from pymesos import (
    Executor,
    MesosExecutorDriver,
    MesosSchedulerDriver,
    Scheduler,
    decode_data,
    encode_data,
)

TASKS = 5
DEADLINE_SECONDS = 60


class Doubler(Executor):
    def launchTask(self, driver, task):
        def run():
            driver.sendStatusUpdate({"task_id": task["task_id"], "state": "TASK_RUNNING"})
            number = int(decode_data(task["data"]).decode())
            driver.sendStatusUpdate({
                "task_id": task["task_id"],
                "state": "TASK_FINISHED",
                "data": encode_data(str(2 * number).encode()),
            })

        threading.Thread(target=run).start()

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(decode_data(message).upper()))


class Asker(Scheduler):
    def __init__(self):
        self.waiting = list(range(TASKS))
        self.answers = {}
        self.message = None
        self.asked = False
        self.done = threading.Event()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            tasks = [self.task(number, offer["agent_id"]) for number in self.waiting]
            self.waiting = []
            driver.launchTasks(offer["id"], tasks, {"refuse_seconds": 1})

    @staticmethod
    def task(number, agent_id):
        command = "%s %s --executor" % (sys.executable, os.path.abspath(__file__))
        return {
            "name": "double-%d" % number,
            "task_id": {"value": "double-%d" % number},
            "agent_id": agent_id,
            "data": encode_data(str(number).encode()),
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 16}},
            ],
            "executor": {
                "executor_id": {"value": "doubler"},
                "name": "doubler",
                "command": {"value": command, "shell": True},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
                ],
            },
        }

    def statusUpdate(self, driver, update):
        if update["state"] == "TASK_FINISHED":
            self.answers[update["task_id"]["value"]] = int(decode_data(update["data"]).decode())
            if not self.asked:
                self.asked = True
                driver.sendFrameworkMessage({"value": "doubler"}, update["agent_id"], encode_data(b"ping"))
        elif update["state"] not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
            print("%s: %s" % (update["state"], update.get("message")), file=sys.stderr)
        self.look()

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.message = decode_data(message).decode()
        self.look()

    def look(self):
        if len(self.answers) == TASKS and self.message:
            self.done.set()


def main():
    if sys.argv[1] == "--executor":
        MesosExecutorDriver(Doubler()).run()
        return
    scheduler = Asker()
    framework = {"user": getpass.getuser(), "name": "pymesos-messages", "hostname": "localhost"}
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    driver.start()
    in_time = scheduler.done.wait(DEADLINE_SECONDS)
    driver.stop()
    print(json.dumps({"answers": scheduler.answers, "message": scheduler.message}))
    expected = scheduler.answers == {"double-%d" % n: 2 * n for n in range(TASKS)} and scheduler.message == "PING"
    sys.exit(0 if in_time and expected else 1)


main()
