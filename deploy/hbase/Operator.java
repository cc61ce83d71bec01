import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.regex.Pattern;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.RegionLocator;
import org.apache.hadoop.hbase.client.SnapshotDescription;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * What an operator does to the tables of a prefix, and Ocean never. Arguments: a command and its
 * words, or nothing: then commands are lines of standard input, each answered by a line.
 */
public class Operator {
  private final Admin admin;
  private final Connection connection;

  private Operator(Connection connection) throws Exception {
    this.connection = connection;
    this.admin = connection.getAdmin();
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = ConnectionFactory.createConnection(HBaseConfiguration.create())) {
      Operator ours = new Operator(connection);
      if (arguments.length > 0) {
        System.out.println(ours.run(arguments));
        return;
      }
      Scanner lines = new Scanner(System.in);
      while (lines.hasNextLine()) {
        System.out.println(ours.answer(lines.nextLine().split(" ")));
        System.out.flush();
      }
    }
  }

  private String answer(String[] words) {
    try {
      return run(words);
    } catch (Exception failure) {
      return "failed: " + failure.toString().replace('\n', ' ');
    }
  }

  private String run(String[] words) throws Exception {
    switch (words[0]) {
      case "snapshot": return snapshot(words[1], words[2]);
      case "clone": return clone(words[1], words[2]);
      case "forget": return forget(words[1]);
      case "split": return split(TableName.valueOf(words[1]), words[2]);
      case "move": return move(TableName.valueOf(words[1]));
      case "close": return close(TableName.valueOf(words[1]), words[2]);
      case "open": return open(TableName.valueOf(words[1]), words[2]);
      case "compact": return compact(TableName.valueOf(words[1]));
      case "regions": return regions(TableName.valueOf(words[1]));
      case "reads": return reads(TableName.valueOf(words[1]));
      default: throw new IllegalArgumentException("no command: " + words[0]);
    }
  }

  /** A snapshot NAME.TABLE of each table of the prefix. */
  private String snapshot(String prefix, String name) throws Exception {
    List<String> made = new ArrayList<>();
    for (TableName table : admin.listTableNames(Pattern.compile(Pattern.quote(prefix + ".") + ".*"))) {
      String suffix = table.getNameAsString().substring(prefix.length());
      admin.snapshot(name + suffix, table);
      made.add(name + suffix);
    }
    return made.size() + " snapshots: " + String.join(" ", made);
  }

  /** Tables of a new prefix, as they were when the snapshots NAME.* were made. */
  private String clone(String name, String prefix) throws Exception {
    int count = 0;
    for (SnapshotDescription one : admin.listSnapshots(Pattern.compile(Pattern.quote(name + ".") + ".*"))) {
      String suffix = one.getName().substring(name.length());
      admin.cloneSnapshot(one.getName(), TableName.valueOf(prefix + suffix));
      count++;
    }
    return count + " tables";
  }

  private String forget(String name) throws Exception {
    admin.deleteSnapshots(Pattern.compile(Pattern.quote(name + ".") + ".*"));
    return "done";
  }

  /** Split the region that holds the row, given in hexadecimal digits, there. */
  private String split(TableName table, String row) throws Exception {
    admin.split(table, Bytes.fromHex(row));
    return "done";
  }

  /** Move each region to the next server. */
  private String move(TableName table) throws Exception {
    List<ServerName> servers = new ArrayList<>(admin.getRegionServers());
    int moved = 0;
    try (RegionLocator locator = connection.getRegionLocator(table)) {
      for (RegionInfo region : admin.getRegions(table)) {
        ServerName now = locator.getRegionLocation(region.getStartKey(), true).getServerName();
        ServerName next = servers.get((servers.indexOf(now) + 1) % servers.size());
        admin.move(region.getEncodedNameAsBytes(), next);
        moved++;
      }
    }
    return moved + " regions";
  }

  /** Take the region that holds the row away from its server, and give it to none. */
  private String close(TableName table, String row) throws Exception {
    admin.unassign(holding(table, row).getRegionName(), true);
    return "done";
  }

  private String open(TableName table, String row) throws Exception {
    admin.assign(holding(table, row).getRegionName());
    return "done";
  }

  private RegionInfo holding(TableName table, String row) throws Exception {
    for (RegionInfo region : admin.getRegions(table)) {
      if (region.containsRow(Bytes.fromHex(row))) {
        return region;
      }
    }
    throw new IllegalArgumentException("no region holds " + row);
  }

  private String compact(TableName table) throws Exception {
    admin.flush(table);
    admin.majorCompact(table);
    return "done";
  }

  private String regions(TableName table) throws Exception {
    return admin.getRegions(table).size() + " regions";
  }

  /** Rows read of the table since its regions were opened, as their servers count them. */
  private String reads(TableName table) throws Exception {
    long reads = 0;
    for (ServerName server : admin.getRegionServers()) {
      for (var region : admin.getRegionMetrics(server, table)) {
        reads += region.getReadRequestCount();
      }
    }
    return reads + " rows";
  }
}
