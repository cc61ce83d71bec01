import java.util.stream.Stream;
import org.apache.hadoop.hbase.master.HMaster;

/**
 * HBase on one machine, all in one process: ZooKeeper, the master, region servers and both Thrift
 * servers. Arguments: the number of region servers, the ports of Thrift 1 and of Thrift 2.
 */
public class Standalone {
  private interface Part {
    void run(String... arguments) throws Exception;
  }

  /**
   * Of the Thrift servers alone: their clients must hear of a failure before they give up. The
   * master, with the same patience, could not bring back what it finds after a crash.
   */
  private static final String[] IMPATIENT = {
    "-Dhbase.client.retries.number=3",
    "-Dhbase.client.pause=100",
    "-Dhbase.client.operation.timeout=3500",
    "-Dhbase.client.meta.operation.timeout=3500",
    "-Dhbase.client.scanner.timeout.period=3500",
    "-Dhbase.rpc.timeout=3000",
    "-Dzookeeper.recovery.retry=1",
  };

  public static void main(String[] arguments) {
    start("master", HMaster::main, "--localRegionServers=" + arguments[0], "start");
    start("thrift1", org.apache.hadoop.hbase.thrift.ThriftServer::main, thrift(arguments[1]));
    start("thrift2", org.apache.hadoop.hbase.thrift2.ThriftServer::main, thrift(arguments[2]));
  }

  private static String[] thrift(String port) {
    return Stream.concat(Stream.of(IMPATIENT), Stream.of("-p", port, "start"))
        .toArray(String[]::new);
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
