"""Fills an empty database through a released version of the Python package `pharox`. make-dumps runs it.

Usage: fill.py URL (of SQLAlchemy: postgresql+psycopg://…)
"""

import sys
from datetime import datetime, timedelta, timezone
from uuid import UUID

from pharox.models import (
    HealthCheckResult,
    Proxy,
    ProxyCredentials,
    ProxyPool,
    ProxyProtocol,
    ProxyStatus,
    SelectorStrategy,
)
from pharox.storage.postgres import PostgresStorage
from pharox.storage.postgres.tables import metadata
from sqlalchemy import create_engine

engine = create_engine(sys.argv[1])
metadata.create_all(engine)
storage = PostgresStorage(engine=engine)
now = datetime.now(timezone.utc)


def identifier(number):
    """The same in every dump, so that the tests can name it."""
    return UUID(f"00000000-0000-4000-8000-{number:012d}")


latam = ProxyPool(id=identifier(1), name="latam", description="residential, paid monthly")
europe = ProxyPool(id=identifier(2), name="Europe (ü)")
nameless = ProxyPool(id=identifier(3), name="")
for pool in (latam, europe, nameless):
    storage.save_pool(pool)


def proxy(number, pool=latam, **fields):
    values = dict(
        id=identifier(number),
        pool_id=pool.id,
        host=f"192.0.2.{number}",
        port=8080,
        protocol=ProxyProtocol.HTTP,
        status=ProxyStatus.ACTIVE,
        checked_at=now - timedelta(hours=1),
    )
    values.update(fields)
    made = Proxy(**values)
    storage.save_proxy(made)
    return made


secret = ProxyCredentials(user="anna b", password="p@ss:w/rd+ü")
full = proxy(
    10,
    credentials=secret,
    source="list-a",
    country="AR",
    city="Córdoba",
    latitude=-31.4,
    longitude=-64.2,
    isp="ISP S.A.",
    asn=64500,
    max_concurrency=2,
)
proxy(11, host="2001:DB8:0:0::1", protocol=ProxyProtocol.SOCKS5, status=ProxyStatus.INACTIVE)
banned = proxy(12, host="Proxy.Example.COM", protocol=ProxyProtocol.HTTPS)
proxy(13, pool=europe, protocol=ProxyProtocol.SOCKS4, status=ProxyStatus.SLOW, source="")
unlimited = proxy(14, pool=europe)
# What the reference takes and pharox does not, whole or in a part.
proxy(20, host="not a host")
proxy(21, latitude=1000.0, longitude=10.0, asn=-5)
twin = proxy(22, host="192.0.2.10", credentials=secret)  # the same proxy as 10
proxy(23, pool=nameless)

open_leases = [
    storage.create_lease(full, "scraper", 3600),
    storage.create_lease(full, "scraper", 3600),
    storage.create_lease(unlimited, "nightly", 86400 * 90),
    storage.create_lease(banned, "nightly", 3600),
    storage.create_lease(twin, "scraper", 3600),
]
released = storage.create_lease(unlimited, "scraper", 3600)
storage.release_lease(released)
storage.create_lease(unlimited, "scraper", 1)  # has expired when the dump is read
storage.ensure_consumer("idle")
for selector in (SelectorStrategy.ROUND_ROBIN, SelectorStrategy.LEAST_USED):
    storage.find_available_proxy("latam", selector=selector)


def check(number, status, latency, age, error=None):
    storage.apply_health_check_result(
        HealthCheckResult(
            proxy_id=identifier(number),
            status=status,
            latency_ms=latency,
            protocol=ProxyProtocol.HTTP,
            checked_at=now - age,
            error_message=error,
        )
    )


check(10, ProxyStatus.ACTIVE, 250, timedelta(minutes=30))
check(10, ProxyStatus.ACTIVE, 120, timedelta(minutes=20))
check(14, ProxyStatus.ACTIVE, 80, timedelta(minutes=20))
check(12, ProxyStatus.BANNED, 0, timedelta(minutes=10), "refused by http://user:s3cret@192.0.2.12")

if hasattr(storage, "save_health_record"):
    from pharox.models import ProxyHealthRecord

    storage.save_health_record(
        ProxyHealthRecord(
            proxy_id=identifier(10),
            checked_at=now - timedelta(minutes=5),
            reachable=False,
            protocol=ProxyProtocol.HTTP,
            status_before=ProxyStatus.ACTIVE,
            status_after=ProxyStatus.ACTIVE,
            error="timed out",
        )
    )
