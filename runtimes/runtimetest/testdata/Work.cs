// What programs in C# do of the kernel's things; prints "worked".
using System;
using System.Diagnostics;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Linq;
using System.Linq.Expressions;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

class Work {
    static void Same(object got, object want) {
        if (!got.Equals(want)) throw new Exception(got + ", not " + want);
    }

    static void Main() {
        Same(Enumerable.Range(0, 100).AsParallel().Sum(), 4950);
        var thread = new Thread(() => Thread.Sleep(1));
        thread.Start();
        thread.Join();
        Same(Task.Run(() => 42).Result, 42);
        var x = Expression.Parameter(typeof(int));
        Same(Expression.Lambda<Func<int, int>>(Expression.Multiply(x, Expression.Constant(7)), x).Compile()(6), 42);

        var start = new ProcessStartInfo("sh", "-c \"echo out\"") { RedirectStandardOutput = true, UseShellExecute = false };
        using (var p = Process.Start(start)) Same(p.StandardOutput.ReadToEnd(), "out\n");

        var path = Path.GetTempFileName();
        File.WriteAllText(path, "text");
        using (var map = MemoryMappedFile.CreateFromFile(path))
        using (var view = map.CreateViewAccessor(0, 4)) Same(view.ReadByte(0), (byte)'t');

        var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var accepted = server.AcceptTcpClientAsync();
        using (new TcpClient("127.0.0.1", ((IPEndPoint)server.LocalEndpoint).Port)) accepted.Result.Close();
        server.Stop();
        var timer = new ManualResetEvent(false);
        using (new Timer(_ => timer.Set(), null, 1, Timeout.Infinite)) Same(timer.WaitOne(10000), true);
        Console.WriteLine("worked");
    }
}
