#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Threads of random sessions, deliveries between them, and the sums at the end. For the
builds with a sanitizer above all; STRESS_SECONDS says how long."""

import os
import random
import threading
import time

from harness import PASSWORD, Pop, Refused, Scene, equal, letter, main, test

SECONDS = float(os.environ.get("STRESS_SECONDS", "4"))
USERS = ["user%d" % number for number in range(5)]


class Sessions(threading.Thread):
    def __init__(self, server, seed, tally):
        super().__init__()
        self.server = server
        self.chance = random.Random(seed)
        self.tally = tally
        self.problem = None
        self.done = 0

    def run(self):
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end or self.done == 0:
                self.session(self.chance.choice(USERS))
                self.done += 1
        except Exception as error:  # told to the main thread
            self.problem = error

    def session(self, user):
        chance = self.chance
        with Pop(self.server, receive_buffer=chance.choice((None, 2048))) as client:
            if chance.random() < 0.1:
                client.send(os.urandom(chance.randrange(1, 400)))
                client.close()
                return
            client.cmd("USER " + user)
            if chance.random() < 0.1:
                client.refused("PASS nonsense", b"[AUTH]")
                return
            try:
                client.cmd("PASS " + PASSWORD)
            except Refused as refusal:
                assert refusal.args[0].startswith(b"-ERR [IN-USE]"), refusal
                return
            self.transaction(user, client)

    def transaction(self, user, client):
        chance = self.chance
        count, octets = client.stat()
        sizes, uids = client.sizes(), client.uids()
        equal((len(sizes), sum(sizes.values()), len(set(uids.values()))),
              (count, octets, count), "LIST and UIDL against STAT")
        marked = set()
        for _ in range(chance.randrange(12)):
            if not count:
                break
            number = chance.randrange(1, count + 1)
            command = chance.choice(("RETR", "TOP", "DELE", "RSET", "NOPE", "pipeline"))
            if command == "RETR" and number not in marked:
                equal(len(client.retr(number)), sizes[number], "the length of a message")
            elif command == "TOP" and number not in marked:
                assert client.top(number, chance.randrange(5)).endswith(b"\r\n")
            elif command == "DELE" and number not in marked:
                client.cmd("DELE %d" % number)
                marked.add(number)
            elif command == "RSET":
                client.cmd("RSET")
                marked.clear()
            elif command == "NOPE":
                client.refused("NOPE")
            elif command == "pipeline":
                client.send(b"NOOP\r\nSTAT\r\n" * 20)
                for _ in range(20):
                    client.answer()
                    equal(int(client.answer().split()[0]), count - len(marked), "STAT")
        self.leave(user, client, sizes, marked)

    def leave(self, user, client, sizes, marked):
        chance = self.chance.random()
        if chance < 0.2:
            client.reset()
        elif chance < 0.4 and sizes and len(marked) < len(sizes):
            client.put("RETR %d" % min(set(sizes) - marked))
            client.close()
        else:
            client.quit()
            with self.tally["lock"]:
                self.tally[user] -= len(marked)


@test("random sessions in many threads: every message is accounted for")
def stress():
    with Scene(*USERS) as scene, scene.server(log_level="info") as server:
        tally = {"lock": threading.Lock()}
        for user in USERS:
            for number in range(30):
                scene.mail[user].add(letter(number, random.randrange(200, 60000)),
                                     ("cur", "new")[number % 2])
            tally[user] = 30
        threads = [Sessions(server, seed, tally) for seed in range(8)]
        for thread in threads:
            thread.start()
        number = 100
        while any(thread.is_alive() for thread in threads):
            user = USERS[number % len(USERS)]
            with tally["lock"]:
                scene.mail[user].add(letter(number, 2000), "new")
                tally[user] += 1
            number += 1
            time.sleep(0.01)
        for thread in threads:
            thread.join()
            if thread.problem is not None:
                raise thread.problem
        print("# %d sessions" % sum(thread.done for thread in threads))
        for user in USERS:
            equal(len(scene.mail[user].messages()), tally[user], "messages of " + user)


main()
