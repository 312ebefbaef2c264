package org.apache.kafka.connect.runtime.distributed;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.message.JoinGroupResponseData.JoinGroupResponseMember;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.runtime.AbstractStatus;
import org.apache.kafka.connect.runtime.ConnectorStatus;
import org.apache.kafka.connect.runtime.TopicStatus;
import org.apache.kafka.connect.runtime.WorkerConfig;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.storage.ConfigBackingStore;
import org.apache.kafka.connect.storage.KafkaConfigBackingStore;
import org.apache.kafka.connect.storage.KafkaStatusBackingStore;
import org.apache.kafka.connect.util.Callback;
import org.apache.kafka.connect.util.ConnectorTaskId;

/** Answers one question a line with what Kafka Connect's own classes say. Bytes and free texts are hexadecimal. */
public class Oracle {
    /** Taken before anything can log to it. */
    private static final PrintStream OUT = takeStandardOutput();
    private static final HexFormat HEX = HexFormat.of();
    private static final JsonConverter JSON = new JsonConverter();

    private long now;
    private IncrementalCooperativeAssignor incremental;
    private final EagerAssignor eager = new EagerAssignor(new LogContext());

    public static void main(String[] arguments) throws Exception {
        JSON.configure(Map.of("schemas.enable", "false"), false);
        Oracle oracle = new Oracle();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = oracle.answer(line.split(" ", -1));
            } catch (Exception e) {
                answer = "error " + e;
            }
            OUT.println(answer);
        }
        OUT.flush();
    }

    private static PrintStream takeStandardOutput() {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        return out;
    }

    private String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "assignor":
                incremental = new IncrementalCooperativeAssignor(new LogContext(), new Clock(), Integer.parseInt(words[1]));
                return "ok";
            case "round":
                return round(words);
            case "state":
                return state(bytes(words[1]));
            case "assignment":
                return assignment(bytes(words[1]));
            case "config":
                return HEX.formatHex(config(words));
            case "status":
                return HEX.formatHex(status(words));
            case "fold":
                return fold(words);
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    // round NOW PROTOCOL COMPLETED CURRENT LEADER OWN_OFFSET FRESH_OFFSET NAME:COUNT,... ID=STATE,...
    private String round(String[] words) throws Exception {
        now = Long.parseLong(words[1]);
        String protocol = words[2];
        WorkerCoordinator coordinator = allocate(WorkerCoordinator.class);
        ClusterConfigState fresh = configured(Long.parseLong(words[7]), words[8]);
        Object storage = Proxy.newProxyInstance(Oracle.class.getClassLoader(), new Class<?>[] {ConfigBackingStore.class},
                (proxy, method, given) -> method.getName().equals("snapshot") ? fresh : null);
        set(WorkerCoordinator.class, coordinator, "configStorage", storage);
        set(WorkerCoordinator.class, coordinator, "configSnapshot", configured(Long.parseLong(words[6]), words[8]));
        set(WorkerCoordinator.class, coordinator, "lastCompletedGenerationId", Integer.parseInt(words[3]));
        Class<?> parent = WorkerCoordinator.class.getSuperclass();
        Class<?> kind = Class.forName(parent.getName() + "$Generation");
        Constructor<?> generation = kind.getDeclaredConstructor(int.class, String.class, String.class);
        generation.setAccessible(true);
        set(parent, coordinator, "generation", generation.newInstance(Integer.parseInt(words[4]), words[5], protocol));
        List<JoinGroupResponseMember> members = new ArrayList<>();
        for (String member : words[9].split(",")) {
            String[] parts = member.split("=");
            members.add(new JoinGroupResponseMember().setMemberId(parts[0]).setMetadata(bytes(parts[1])));
        }
        ConnectAssignor assignor = protocol.equals("default") ? eager : incremental;
        Map<String, ByteBuffer> shares = assignor.performAssignment(words[5], protocol, members, coordinator);
        List<String> answer = new ArrayList<>();
        new TreeMap<>(shares).forEach((id, share) -> answer.add(id + "=" + hex(share)));
        return String.join(",", answer);
    }

    private static ClusterConfigState configured(long offset, String text) {
        Map<String, Integer> counts = new HashMap<>();
        Map<String, Map<String, String>> connectors = new HashMap<>();
        for (String connector : text.isEmpty() ? new String[0] : text.split(",")) {
            String[] parts = connector.split(":");
            counts.put(parts[0], Integer.parseInt(parts[1]));
            connectors.put(parts[0], Map.of());
        }
        return new ClusterConfigState(offset, null, counts, connectors, Map.of(), Map.of(), Map.of(), Map.of(), Map.of(),
                new HashSet<>(), new HashSet<>());
    }

    /** Reads a worker's state and writes it again. */
    private static String state(byte[] bytes) {
        short version = ByteBuffer.wrap(bytes).getShort();
        ExtendedWorkerState state = IncrementalCooperativeConnectProtocol.deserializeMetadata(ByteBuffer.wrap(bytes));
        if (version == 0) {
            return hex(ConnectProtocol.serializeMetadata(new ConnectProtocol.WorkerState(state.url(), state.offset())));
        }
        return hex(IncrementalCooperativeConnectProtocol.serializeMetadata(state, version == 2));
    }

    private static String assignment(byte[] bytes) {
        short version = ByteBuffer.wrap(bytes).getShort();
        if (version == 0) {
            return hex(ConnectProtocol.serializeAssignment(ConnectProtocol.deserializeAssignment(ByteBuffer.wrap(bytes))));
        }
        ExtendedAssignment assignment = IncrementalCooperativeConnectProtocol.deserializeAssignment(ByteBuffer.wrap(bytes));
        return hex(IncrementalCooperativeConnectProtocol.serializeAssignment(assignment, version == 2));
    }

    /** Writes the value of a record of the config topic as the store does. */
    private static byte[] config(String[] words) {
        switch (words[1]) {
            case "properties":
                Map<String, String> properties = new HashMap<>();
                for (String property : words[2].isEmpty() ? new String[0] : words[2].split(",")) {
                    String[] parts = property.split("=", -1);
                    properties.put(text(parts[0]), parts[1].equals("null") ? null : text(parts[1]));
                }
                return value(new Struct(KafkaConfigBackingStore.CONNECTOR_CONFIGURATION_V0).put("properties", properties));
            case "target":
                return value(new Struct(KafkaConfigBackingStore.TARGET_STATE_V1).put("state", words[2]).put("state.v2", words[3]));
            case "commit":
                return value(new Struct(KafkaConfigBackingStore.CONNECTOR_TASKS_COMMIT_V0).put("tasks", Integer.parseInt(words[2])));
            case "fencing":
                return value(new Struct(KafkaConfigBackingStore.TASK_COUNT_RECORD_V0).put("task-count", Integer.parseInt(words[2])));
            case "key":
                return value(new Struct(KafkaConfigBackingStore.SESSION_KEY_V0)
                        .put("key", Base64.getEncoder().encodeToString(bytes(words[2]))).put("algorithm", words[3])
                        .put("creation-timestamp", Long.parseLong(words[4])));
            case "restart":
                return value(new Struct(KafkaConfigBackingStore.RESTART_REQUEST_V0)
                        .put("include-tasks", Boolean.parseBoolean(words[2])).put("only-failed", Boolean.parseBoolean(words[3])));
            case "level":
                return value(new Struct(KafkaConfigBackingStore.LOGGER_LEVEL_V0).put("level", text(words[2])));
            default:
                throw new IllegalArgumentException(words[1]);
        }
    }

    private static byte[] value(Struct struct) {
        Schema schema = struct.schema();
        return JSON.fromConnectData("topic", schema, struct);
    }

    // status STATE TRACE|null WORKER GENERATION VERSION|null   or   status topic TOPIC CONNECTOR TASK TIME
    private static byte[] status(String[] words) throws Exception {
        KafkaStatusBackingStore store = allocate(KafkaStatusBackingStore.class);
        set(KafkaStatusBackingStore.class, store, "converter", JSON);
        if (words[1].equals("topic")) {
            TopicStatus status = new TopicStatus(words[2], words[3], Integer.parseInt(words[4]), Long.parseLong(words[5]));
            Method serialize = KafkaStatusBackingStore.class.getDeclaredMethod("serializeTopicStatus", TopicStatus.class);
            serialize.setAccessible(true);
            return (byte[]) serialize.invoke(store, status);
        }
        AbstractStatus<?> status = new ConnectorStatus("a", AbstractStatus.State.valueOf(words[1]), optional(words[2]),
                text(words[3]), Integer.parseInt(words[4]), optional(words[5]));
        Method serialize = KafkaStatusBackingStore.class.getDeclaredMethod("serialize", AbstractStatus.class);
        serialize.setAccessible(true);
        return (byte[]) serialize.invoke(store, status);
    }

    /** Folds records of the config topic, and shows what is then known. */
    @SuppressWarnings("unchecked")
    private static String fold(String[] words) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put("bootstrap.servers", "localhost:1");
        settings.put("group.id", "g");
        settings.put("key.converter", JsonConverter.class.getName());
        settings.put("value.converter", JsonConverter.class.getName());
        for (String topic : List.of("config", "offset", "status")) {
            settings.put(topic + ".storage.topic", topic);
        }
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false"), false);
        DistributedConfig config = new DistributedConfig(settings);
        // Else a cluster is asked for it.
        set(WorkerConfig.class, config, "kafkaClusterId", "none");
        KafkaConfigBackingStore store = new KafkaConfigBackingStore(converter, config, null, () -> null, "id");
        Class<?> kind = Class.forName(KafkaConfigBackingStore.class.getName() + "$ConsumeCallback");
        Constructor<?> constructor = kind.getDeclaredConstructor(KafkaConfigBackingStore.class);
        constructor.setAccessible(true);
        Callback<ConsumerRecord<String, byte[]>> callback = (Callback<ConsumerRecord<String, byte[]>>) constructor.newInstance(store);
        long offset = 0;
        for (String record : Arrays.copyOfRange(words, 1, words.length)) {
            String[] parts = record.split("=", -1);
            byte[] value = parts[1].equals("null") ? null : bytes(parts[1]);
            try {
                callback.onCompletion(null, new ConsumerRecord<>("config", 0, offset, text(parts[0]), value));
            } catch (Exception e) {
                return "error at " + offset + ": " + e;
            }
            offset += 1;
        }
        return show(store.snapshot());
    }

    private static String show(ClusterConfigState state) {
        StringBuilder out = new StringBuilder("offset " + state.offset());
        for (String name : new TreeSet<>(state.connectors())) {
            out.append("; ").append(name).append(' ').append(new TreeMap<>(state.rawConnectorConfig(name)));
            out.append(' ').append(state.targetState(name)).append(" of ").append(state.taskCount(name));
            for (ConnectorTaskId task : state.tasks(name)) {
                out.append(' ').append(task.task()).append(new TreeMap<>(state.rawTaskConfig(task)));
            }
            Map<String, String> applied = state.appliedConnectorConfig(name);
            out.append(" applied ").append(applied == null ? "none" : new TreeMap<>(applied).toString());
            out.append(" fenced ").append(state.taskCountRecord(name)).append(state.pendingFencing(name) ? " pending" : "");
            out.append(state.inconsistentConnectors().contains(name) ? " inconsistent" : "");
        }
        if (state.sessionKey() != null) {
            out.append("; key ").append(HEX.formatHex(state.sessionKey().key().getEncoded()));
            out.append(' ').append(state.sessionKey().creationTimestamp());
        }
        return out.toString();
    }

    private static byte[] bytes(String hex) {
        return HEX.parseHex(hex);
    }

    private static String text(String hex) {
        return new String(bytes(hex), StandardCharsets.UTF_8);
    }

    private static String optional(String hex) {
        return hex.equals("null") ? null : text(hex);
    }

    private static String hex(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return HEX.formatHex(bytes);
    }

    /** The classes under test want a network client; what is asked of them here needs none. */
    private static <T> T allocate(Class<T> kind) throws Exception {
        Field unsafe = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
        unsafe.setAccessible(true);
        return kind.cast(((sun.misc.Unsafe) unsafe.get(null)).allocateInstance(kind));
    }

    private static void set(Class<?> kind, Object object, String field, Object value) throws Exception {
        Field found = kind.getDeclaredField(field);
        found.setAccessible(true);
        found.set(object, value);
    }

    private final class Clock implements Time {
        @Override
        public long milliseconds() {
            return now;
        }

        @Override
        public long nanoseconds() {
            return now * 1_000_000;
        }

        @Override
        public void sleep(long millis) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void waitObject(Object object, Supplier<Boolean> condition, long deadline) {
            throw new UnsupportedOperationException();
        }
    }
}
