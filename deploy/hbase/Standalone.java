import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.master.HMaster;
import org.apache.hadoop.hbase.thrift.ThriftServer;

/**
 * HBase on one machine, all in one process: ZooKeeper, the master, region servers and both Thrift
 * servers. Arguments: the number of region servers, the ports of Thrift 1 and of Thrift 2. Without
 * region servers these are the Thrift servers alone.
 */
public class Standalone {
  private interface Part {
    void run(String... arguments) throws Exception;
  }

  /**
   * Of the Thrift servers alone: their clients must hear of a failure before they give up. The
   * master, with the same patience, could not bring back what it finds after a crash.
   */
  private static final Map<String, Integer> PATIENCE = Map.of(
      "hbase.client.retries.number", 10,
      "hbase.client.pause", 100,
      "hbase.client.operation.timeout", 3500,
      "hbase.client.meta.operation.timeout", 3500,
      "hbase.client.scanner.timeout.period", 3500,
      "hbase.rpc.timeout", 3000);

  private static final long ENDING = 20_000; // milliseconds

  public static void main(String[] arguments) {
    Runtime.getRuntime().addShutdownHook(new Thread(Standalone::endInTime));
    if (!arguments[0].equals("0")) {
      start("master", HMaster::main, "--localRegionServers=" + arguments[0], "start");
    }
    start("thrift1", a -> new ThriftServer(impatient()).run(a), "-p", arguments[1], "start");
    start("thrift2", a -> new org.apache.hadoop.hbase.thrift2.ThriftServer(impatient()).run(a),
        "-p", arguments[2], "start");
  }

  /** Given to the servers as they are made: what stands in their arguments they do not hear. */
  private static Configuration impatient() {
    Configuration configuration = HBaseConfiguration.create();
    PATIENCE.forEach(configuration::setInt);
    return configuration;
  }

  /** A master that lost its session of ZooKeeper ends, and may wait for the others for ever. */
  private static void endInTime() {
    Thread last = new Thread(() -> {
      try {
        Thread.sleep(ENDING);
      } catch (InterruptedException nobodyDoes) {
        return;
      }
      Runtime.getRuntime().halt(4);
    });
    last.setDaemon(true);
    last.start();
  }

  private static void start(String name, Part part, String... arguments) {
    new Thread(() -> run(part, arguments), name).start();
  }

  /** A part that fails takes the process with it: whoever started it starts it again. */
  private static void run(Part part, String... arguments) {
    try {
      part.run(arguments);
    } catch (Throwable failure) {
      failure.printStackTrace();
      Runtime.getRuntime().halt(3);
    }
  }
}
