"""One call of a Kafka client that is neither Java nor librdkafka; driven by client.rs.

    client.py BOOTSTRAP create TOPIC PARTITIONS [NAME=VALUE ...]
    client.py BOOTSTRAP produce TOPIC      records as JSON lines on standard input
    client.py BOOTSTRAP read TOPIC         records as JSON lines on standard output, in order of partition and offset
    client.py BOOTSTRAP count TOPIC
    client.py BOOTSTRAP committed GROUP    topic, partition, offset as JSON lines
    client.py BOOTSTRAP delete TOPIC
    client.py BOOTSTRAP allow USER OPERATION KIND NAME      OPERATION such as READ, KIND TOPIC or GROUP
    client.py BOOTSTRAP forbid USER OPERATION KIND NAME     takes that back
    client.py BOOTSTRAP describe TOPIC     partitions, and the settings that are not the broker's, as one JSON object
    client.py BOOTSTRAP reserve TOPIC      lets nobody but a user `owner` create or use the topic

Bytes travel in JSON as text with one character, U+0000 to U+00FF, for each byte.
"""

import json
import sys
import time

import kafka
import kafka.errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

TIMEOUT_MS = 20_000
SECONDS = TIMEOUT_MS / 1000
LITERAL = ACLResourcePatternType.LITERAL


def main(bootstrap, verb, *arguments):
    verbs = (create, delete, produce, read, count, committed, allow, forbid, describe, reserve)
    {known.__name__: known for known in verbs}[verb](bootstrap, *arguments)


def create(bootstrap, topic, partitions, *settings):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    configs = dict(setting.split("=", 1) for setting in settings)
    admin.create_topics([NewTopic(topic, int(partitions), 1, topic_configs=configs)], timeout_ms=TIMEOUT_MS)
    admin.close()


def delete(bootstrap, topic):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    admin.delete_topics([topic], timeout_ms=TIMEOUT_MS)
    admin.close()


def allow(bootstrap, *right):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    admin.create_acls([acl(ACL, *right)])
    admin.close()


def forbid(bootstrap, *right):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    admin.delete_acls([acl(ACLFilter, *right)])
    admin.close()


def acl(made, user, operation, kind, name):
    resource = (ResourcePatternFilter if made is ACLFilter else ResourcePattern)(ResourceType[kind], name, LITERAL)
    return made("User:" + user, "*", ACLOperation[operation], ACLPermissionType.ALLOW, resource)


def produce(bootstrap, topic):
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", delivery_timeout_ms=60_000, linger_ms=5)
    sent = []
    for line in sys.stdin:
        record = json.loads(line)
        headers = [(name, to_bytes(value)) for name, value in record.get("headers", [])]
        sent.append(
            producer.send(
                topic,
                key=to_bytes(record.get("key")),
                value=to_bytes(record.get("value")),
                partition=record.get("partition"),
                headers=headers,
            )
        )
    producer.flush(60)
    for future in sent:
        future.get(SECONDS)
    producer.close()


def read(bootstrap, topic):
    consumer, partitions, ends = assigned(bootstrap, topic)
    for partition in partitions:
        records = records_of(consumer, partition, ends[partition])
        sys.stdout.writelines(json.dumps(shown(record)) + "\n" for record in records)
    consumer.close()


def records_of(consumer, partition, end):
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    while consumer.position(partition) < end:
        yield from consumer.poll(timeout_ms=1000).get(partition, [])


def count(bootstrap, topic):
    consumer, partitions, ends = assigned(bootstrap, topic)
    starts = consumer.beginning_offsets(partitions) if partitions else {}
    print(sum(ends[partition] - starts[partition] for partition in partitions))
    consumer.close()


def committed(bootstrap, group):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    offsets = offsets_of(admin, group)
    for partition, offset in sorted(offsets.items()):
        print(json.dumps([partition.topic, partition.partition, offset.offset]))
    admin.close()


def describe(bootstrap, topic):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    partitions = [known["partitions"] for known in admin.describe_topics() if known["name"] == topic]
    settings = {}
    if partitions:
        found = admin.describe_configs([ConfigResource("TOPIC", topic)])
        ((_, by_name),) = found.items()
        settings = {name: entry["value"] for name, entry in by_name[topic].items()}
    print(json.dumps({"partitions": len(partitions[0]) if partitions else 0, "settings": settings}))
    admin.close()


def reserve(bootstrap, topic):
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    resource = ResourcePattern(ResourceType.TOPIC, topic)
    # Who may create anything in the cluster may create this topic, too.
    cluster = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    admin.create_acls(
        [
            ACL("User:ANONYMOUS", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, cluster),
            ACL("User:ANONYMOUS", "*", ACLOperation.CREATE, ACLPermissionType.DENY, cluster),
            ACL("User:owner", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, resource),
        ]
    )
    admin.close()


def offsets_of(admin, group):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return admin.list_group_offsets(group)[group]
        except kafka.errors.GroupIdNotFoundError:
            return {}
        except kafka.errors.CoordinatorNotAvailableError:
            # The first question makes the broker create its own topic.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def assigned(bootstrap, topic):
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        bootstrap_timeout_ms=TIMEOUT_MS,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    numbers = sorted(consumer.partitions_for_topic(topic) or [])
    partitions = [kafka.TopicPartition(topic, number) for number in numbers]
    ends = consumer.end_offsets(partitions) if partitions else {}
    return consumer, partitions, ends


def shown(record):
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": to_text(record.key),
        "value": to_text(record.value),
        "headers": [[name, to_text(value)] for name, value in record.headers],
    }


def to_bytes(text):
    return None if text is None else text.encode("latin-1")


def to_text(value):
    return None if value is None else value.decode("latin-1")


if __name__ == "__main__":
    main(*sys.argv[1:])
