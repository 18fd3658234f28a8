#!/usr/bin/env python3
"""Cycles a second of the Python reference, from its package (pharox[postgres]==0.11.0, greenlet, psycopg).

    reference.py URL PROXIES LIMIT PROCESSES SECONDS     URL as SQLAlchemy has it: postgresql+psycopg://user@host:port/database

Makes the reference's own tables in that database the first time, with PROXIES proxies that take LIMIT leases each, and prints
one number. postgres_bench runs it beside the adapter.
"""
import multiprocessing
import sys
import time

from pharox import ProxyManager, ProxyPool, Proxy, ProxyProtocol, ProxyStatus
from pharox.storage.postgres import PostgresStorage
from pharox.storage.postgres import tables
from sqlalchemy import create_engine, inspect

POOL = "pool"


def fill(url, count, limit):
    engine = create_engine(url)
    if not inspect(engine).has_table("proxy_pool"):
        tables.metadata.create_all(engine)
        storage = PostgresStorage(engine)
        pool = ProxyPool(name=POOL)
        storage.save_pool(pool)
        proxies = [Proxy(host=f"10.0.{i // 256}.{i % 256}", port=8080, protocol=ProxyProtocol.HTTP, pool_id=pool.id,
                         status=ProxyStatus.ACTIVE, max_concurrency=limit) for i in range(count)]
        for begin in range(0, count, 1000):
            storage.add_proxies_bulk(proxies[begin:begin + 1000])
    engine.dispose()


def work(url, seconds, barrier, done):
    manager = ProxyManager(PostgresStorage(create_engine(url)))
    lease = manager.acquire_proxy(POOL)
    manager.release_proxy(lease)
    barrier.wait()
    cycles = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lease = manager.acquire_proxy(POOL)
        if lease is not None:
            manager.release_proxy(lease)
            cycles += 1
    done.put(cycles)


def main():
    url, (count, limit, processes), seconds = sys.argv[1], map(int, sys.argv[2:5]), float(sys.argv[5])
    fill(url, count, limit)
    barrier = multiprocessing.Barrier(processes)
    done = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(url, seconds, barrier, done)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    total = sum(done.get() for _ in workers)
    for worker in workers:
        worker.join()
    print(total / seconds)


if __name__ == "__main__":
    main()
