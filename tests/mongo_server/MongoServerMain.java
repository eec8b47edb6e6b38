import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;

/**
 * A server that speaks MongoDB's wire protocol, for tests: PORT [FILE]. Port 0 takes a free one.
 *
 * <p>Prints "ready mongodb://127.0.0.1:PORT" and serves until it is killed. Without FILE the data are in memory.
 */
public class MongoServerMain {
  /** The oldest MongoDB that Rollcall accepts: 5.0, wire version 13. */
  record Version(List<Integer> getVersionArray, int getWireVersion) implements MongoVersion {
    @Override
    public String toVersionString() {
      return "5.0.0";
    }
  }

  /** Keeps what it has acknowledged through a SIGKILL: H2 by itself commits up to a second later. */
  static class DurableBackend extends H2Backend {
    DurableBackend(String file) {
      super(new MVStore.Builder().fileName(file).autoCommitDisabled().open());
    }

    @Override
    public Document handleMessage(MongoMessage message) {
      Document reply = super.handleMessage(message);
      commit();
      return reply;
    }
  }

  public static void main(String[] args) throws Exception {
    MongoBackend backend = args.length > 1 ? new DurableBackend(args[1]) : new MemoryBackend();
    backend.version(new Version(List.of(5, 0, 0), 13));
    MongoServer server = new MongoServer(backend);
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    System.out.println("ready mongodb://127.0.0.1:" + server.getLocalAddress().getPort());
    Thread.currentThread().join();
  }
}
