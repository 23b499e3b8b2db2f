# needs: java javac
# timeout: 90
# programs: scala kotlinc
cat > S.java <<'EOC'
import java.net.*; import java.net.http.*; import java.util.*; import java.util.concurrent.*; import java.util.stream.*; import java.nio.charset.*; import com.sun.net.httpserver.*; import java.lang.ref.*;
public class S { public static void main(String[] a) throws Exception {
	System.out.println(IntStream.range(0, 400000).parallel().boxed().collect(Collectors.groupingByConcurrent(i -> i * 7919L % 5003, Collectors.summingLong(i -> i))).values().stream().mapToLong(x -> x).sum());
	HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0); s.setExecutor(Executors.newFixedThreadPool(6)); s.createContext("/", e -> { byte[] b = (e.getRequestURI() + "x".repeat(2000)).getBytes(); e.sendResponseHeaders(200, b.length); e.getResponseBody().write(b); e.close(); }); s.start();
	HttpClient c = HttpClient.newHttpClient(); var l = IntStream.range(0, 400).mapToObj(i -> c.sendAsync(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + s.getAddress().getPort() + "/" + i)).build(), HttpResponse.BodyHandlers.ofString()).thenApply(r -> r.body().length())).toList(); System.out.println(l.stream().mapToInt(CompletableFuture::join).sum()); s.stop(0);
	var soft = new ArrayList<Reference<byte[]>>(); for (int i = 0; i < 2000; i++) { soft.add(new WeakReference<>(new byte[10000])); java.nio.ByteBuffer.allocateDirect(5000); } System.gc(); System.out.println(soft.size());
	var st = new ConcurrentSkipListMap<String, Integer>(); var p = new ForkJoinPool(4); p.submit(() -> IntStream.range(0, 60000).parallel().forEach(i -> st.put("k" + i * 7919L % 5003, i))).get(); System.out.println(st.size() + " " + st.firstKey()); System.out.println("aXbX".repeat(30000).split("X").length); System.exit(0); } }
EOC
javac S.java && for o in -XX:+UseParallelGC "-XX:+UseG1GC -XX:MaxGCPauseMillis=5" "-XX:+UseSerialGC -Xmn4m"; do java $o -Xmx256m S; done; jar cf s.jar S.class && jar tf s.jar | wc -l; javap -c -p S | md5sum | wc -l; jshell -s - <<'EOC' 2> /dev/null
System.out.println(java.util.stream.IntStream.range(0, 1000).mapToObj(i -> "s" + i).collect(java.util.stream.Collectors.joining()).length())
/exit
EOC
