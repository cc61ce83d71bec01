import org.apache.hadoop.hbase.master.HMaster;

/**
 * HBase on one machine, all in one process: ZooKeeper, the master, region servers and both Thrift
 * servers. Arguments: the number of region servers, the ports of Thrift 1 and of Thrift 2.
 */
public class Standalone {
  private interface Part {
    void run(String... arguments) throws Exception;
  }

  public static void main(String[] arguments) {
    start("master", HMaster::main, "--localRegionServers=" + arguments[0], "start");
    start("thrift1", org.apache.hadoop.hbase.thrift.ThriftServer::main, "-p", arguments[1], "start");
    start("thrift2", org.apache.hadoop.hbase.thrift2.ThriftServer::main, "-p", arguments[2], "start");
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
