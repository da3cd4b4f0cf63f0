// The kernel of C# on Mono: cells are compiled by Mono's own evaluator, in this
// process, so that what they define is there for the next.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using Mono.CSharp;
using Mono.Unix;

// What cells have by these names.
public class Cells : InteractiveBase
{
    public static object _;

    public static void display(object value)
    {
        var forms = new Dictionary<string, object>();
        var given = value as IDictionary;
        if (given != null)
            foreach (DictionaryEntry e in given) forms[e.Key.ToString()] = e.Value;
        else
            forms["text/plain"] = Show.Text(value);
        Kernel.Display(forms);
    }
}

static class Show
{
    const int Elements = 1000, Depth = 8;

    public static string Text(object value)
    {
        var to = new StringBuilder();
        Write(to, value, 0);
        return to.ToString();
    }

    static void Write(StringBuilder to, object value, int depth)
    {
        if (to.Length > Kernel.MaxText) return;
        if (value == null) { to.Append("null"); return; }
        if (value is string) { to.Append('"').Append(((string)value).Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t")).Append('"'); return; }
        if (value is char) { to.Append('\'').Append(value).Append('\''); return; }
        if (value is bool) { to.Append((bool)value ? "true" : "false"); return; }
        var number = value as IFormattable;
        var all = value as IEnumerable;
        if (all == null || depth >= Depth)
        {
            to.Append(number != null ? number.ToString(null, CultureInfo.InvariantCulture) : value.ToString());
            return;
        }
        to.Append("{ ");
        int n = 0;
        var entries = value as IDictionary;
        foreach (var item in entries == null ? all : Entries(entries))
        {
            if (n++ > 0) to.Append(", ");
            if (n > Elements || to.Length > Kernel.MaxText) { to.Append("..."); break; }
            if (item is DictionaryEntry)
            {
                Write(to, ((DictionaryEntry)item).Key, depth + 1);
                to.Append(": ");
                Write(to, ((DictionaryEntry)item).Value, depth + 1);
            }
            else Write(to, item, depth + 1);
        }
        to.Append(n > 0 ? " }" : "}");
    }

    static IEnumerable Entries(IDictionary of)
    {
        for (var e = of.GetEnumerator(); e.MoveNext();) yield return e.Entry;
    }
}

// A part of a cell that the evaluator takes at once: statements, or a declaration.
class Piece
{
    public int Start, End;
    public bool Declares;
}

// Cuts a cell at the beginnings and ends of its declarations.
static class Cutter
{
    static readonly HashSet<string> first = new HashSet<string> {
        "class", "struct", "interface", "enum", "delegate", "namespace", "public", "private", "internal", "protected", "static", "abstract", "sealed", "partial", "using" };

    // These go on with a statement.
    static readonly HashSet<string> follows = new HashSet<string> { "else", "catch", "finally", "while" };

    public static List<Piece> Cut(string code)
    {
        var pieces = new List<Piece>();
        int depth = 0, at = 0;
        int last = -1; // where the last statement begins
        bool fresh = true, braced = false;
        Piece now = null;
        Action<int> end = place => { if (now != null) { now.End = place; pieces.Add(now); now = null; } };
        while (at < code.Length)
        {
            char c = code[at];
            int next = Skip(code, at);
            bool gap = char.IsWhiteSpace(c) || next > at && (c == '/' || c == '#');
            if (gap) { at = Math.Max(next, at + 1); continue; }
            if (depth == 0 && fresh)
            {
                string word = Word(code, at);
                bool declares = first.Contains(word) && !(word == "using" && Disposes(code, at)) || c == '[';
                if (now == null || declares || now.Declares)
                {
                    end(at);
                    now = new Piece { Start = at, Declares = declares };
                    braced = false;
                }
                last = follows.Contains(word) ? -1 : at;
            }
            fresh = false;
            if (next > at) { at = next; continue; } // a string
            if (c == '{' || c == '(' || c == '[') { depth++; braced = braced || c == '{'; }
            if (c == '}' || c == ')' || c == ']') depth--;
            at++;
            if (depth > 0) continue;
            if (c == ';' || c == '}') fresh = true;
            if (now.Declares && (c == ';' || c == '}' && braced)) end(at);
            if (char.IsLetterOrDigit(c) || c == '_')
                while (at < code.Length && (char.IsLetterOrDigit(code[at]) || code[at] == '_')) at++;
        }
        // An expression at the end is by itself: behind statements a * b would declare b.
        if (now != null && !now.Declares && last > now.Start && !fresh)
        {
            end(last);
            now = new Piece { Start = last };
        }
        end(code.Length);
        return pieces;
    }

    static string Word(string code, int at)
    {
        int end = at;
        while (end < code.Length && char.IsLetter(code[end])) end++;
        return code.Substring(at, end - at);
    }

    // using (x) and using var x are statements.
    static bool Disposes(string code, int at)
    {
        at += "using".Length;
        while (at < code.Length && char.IsWhiteSpace(code[at])) at++;
        return at < code.Length && code[at] == '(' || Word(code, at) == "var";
    }

    // The end of a comment, a directive or a string that begins at a place; the place
    // itself where there is none.
    static int Skip(string code, int at)
    {
        char c = code[at], then = at + 1 < code.Length ? code[at + 1] : '\0';
        if (c == '/' && then == '/' || c == '#') return Until(code, "\n", at);
        if (c == '/' && then == '*') { int end = code.IndexOf("*/", at + 2, StringComparison.Ordinal); return end < 0 ? code.Length : end + 2; }
        bool verbatim = false;
        int quote = at;
        while (quote < code.Length && quote < at + 2 && (code[quote] == '@' || code[quote] == '$')) { verbatim = verbatim || code[quote] == '@'; quote++; }
        if (quote >= code.Length || code[quote] != '"' && (code[quote] != '\'' || quote > at)) return at;
        char mark = code[quote];
        for (int i = quote + 1; i < code.Length; i++)
        {
            if (code[i] == '\\' && !verbatim) i++;
            else if (code[i] == mark && verbatim && i + 1 < code.Length && code[i + 1] == mark) i++;
            else if (code[i] == mark) return i + 1;
            else if (code[i] == '\n' && !verbatim) return i;
        }
        return code.Length;
    }

    static int Until(string code, string mark, int at)
    {
        int end = code.IndexOf(mark, at, StringComparison.Ordinal);
        return end < 0 ? code.Length : end;
    }
}

class Printer : ReportPrinter
{
    public readonly StringBuilder Errors = new StringBuilder();
    public int Cell;

    public override void Print(AbstractMessage m, bool showFullPath)
    {
        base.Print(m, showFullPath);
        if (m.IsWarning || Errors.Length > Kernel.MaxText) return;
        Errors.AppendFormat("<cell {0}>({1},{2}): {3} CS{4:0000}: {5}\n", Cell, m.Location.Row, m.Location.Column, m.MessageType, m.Code, m.Text);
    }
}

class Kernel
{
    public const int MaxText = 64 << 10;

    [DllImport("libc", SetLastError = true)] static extern int dup2(int from, int to);
    [DllImport("libc", SetLastError = true)] static extern int pipe(int[] ends);
    [DllImport("libc", SetLastError = true)] static extern int close(int fd);
    [DllImport("libc", SetLastError = true)] static extern int open(string name, int flags);
    [DllImport("libc", SetLastError = true)] static extern int fcntl(int fd, int command, int flag);

    static UnixStream requests, answers;
    static readonly object writing = new object();
    static readonly AutoResetEvent acknowledged = new AutoResetEvent(false);
    static readonly AutoResetEvent given = new AutoResetEvent(false);
    static Dictionary<string, object> request; // the cell to run
    static string code;
    static long displays;

    static Evaluator evaluator;
    static Printer printer;
    static Thread user;         // runs the cells
    static readonly object running = new object();
    static bool interruptible;  // guarded by running

    static UnixStream Open(int fd)
    {
        fcntl(fd, 2, 1); // F_SETFD, FD_CLOEXEC: children have no part in it
        return new UnixStream(fd, true);
    }

    static void Main()
    {
        requests = Open(3);
        answers = Open(4);
        printer = new Printer();
        evaluator = new Evaluator(new CompilerContext(new CompilerSettings(), printer));
        evaluator.InteractiveBaseClass = typeof(Cells);
        evaluator.DescribeTypeExpressions = false;
        evaluator.ReferenceAssembly(typeof(Cells).Assembly);
        foreach (var name in new[] { "System.Core", "System.Numerics", "System.Net.Http", "System.Xml", "System.Xml.Linq", "System.Data", "Microsoft.CSharp" })
            try { evaluator.ReferenceAssembly(Assembly.Load(new AssemblyName(Find(name)))); } catch (Exception) { } // not in this image
        evaluator.Run("using System; using System.Collections.Generic; using System.IO; using System.Linq; using System.Text; using System.Threading.Tasks;");
        object warm;
        Compile("6 * 7", out warm);
        NoInput();
        user = new Thread(Cells_) { IsBackground = true };
        user.Start();
        new Thread(Interrupts) { IsBackground = true }.Start();
        Say("{\"op\":\"ready\",\"versions\":{\"mono\":" + Quote(Environment.Version.ToString()) + "}}");
        Read();
        Environment.Exit(0);
    }

    static string Find(string name)
    {
        return typeof(string).Assembly.GetName().Version.Major >= 4
            ? Directory.GetFiles(Path.GetDirectoryName(typeof(string).Assembly.Location), name + ".dll").Select(f => AssemblyName.GetAssemblyName(f).FullName).First() : name;
    }

    // Messages.

    static byte[] Take(int n)
    {
        var b = new byte[n];
        for (int got = 0; got < n;)
        {
            int more = requests.Read(b, got, n - got);
            if (more <= 0) Environment.Exit(0);
            got += more;
        }
        return b;
    }

    static void Read()
    {
        for (;;)
        {
            var lengths = Take(8);
            var header = new Json(Encoding.UTF8.GetString(Take(BitConverter.ToInt32(lengths, 0)))).Read() as Dictionary<string, object>;
            var body = Take(BitConverter.ToInt32(lengths, 4));
            int at = 0;
            var parts = new Dictionary<string, byte[]>();
            foreach (Dictionary<string, object> p in header.ContainsKey("parts") ? (List<object>)header["parts"] : new List<object>())
            {
                int n = Convert.ToInt32(p["bytes"]);
                parts[(string)p["name"]] = body.Skip(at).Take(n).ToArray();
                at += n;
            }
            switch ((string)header["op"])
            {
                case "run":
                    request = header;
                    code = Encoding.UTF8.GetString(parts["code"]);
                    Input((string)header["stdin"], parts.ContainsKey("stdin") ? parts["stdin"] : new byte[0]);
                    given.Set();
                    break;
                case "input": Feed(parts["data"], true); break;
                case "eof": Feed(null, false); break;
                case "ack": acknowledged.Set(); break;
            }
        }
    }

    static void Say(string header, params byte[][] parts)
    {
        var head = Encoding.UTF8.GetBytes(header);
        var all = new MemoryStream();
        all.Write(BitConverter.GetBytes(head.Length), 0, 4);
        all.Write(BitConverter.GetBytes(parts.Sum(p => p.Length)), 0, 4);
        all.Write(head, 0, head.Length);
        foreach (var p in parts) all.Write(p, 0, p.Length);
        lock (writing)
        {
            var bytes = all.ToArray();
            answers.Write(bytes, 0, bytes.Length);
            answers.Flush();
        }
    }

    public static void Display(Dictionary<string, object> forms)
    {
        if (forms.Count == 0) return;
        var bodies = forms.Values.Select(v => v as byte[] ?? Encoding.UTF8.GetBytes((v ?? "").ToString())).ToArray();
        bool cut = false;
        var parts = new List<string>();
        var kept = new List<byte[]>();
        int size = 0;
        foreach (var form in forms.Keys.Zip(bodies, (k, b) => new { k, b }))
        {
            if (size + form.b.Length > 4 << 20) { cut = true; continue; }
            size += form.b.Length;
            parts.Add("{\"name\":\"mime\",\"type\":" + Quote(form.k) + ",\"bytes\":" + form.b.Length + "}");
            kept.Add(form.b);
        }
        Console.Out.Flush();
        Console.Error.Flush();
        Say("{\"op\":\"display\",\"n\":" + ++displays + (cut ? ",\"cut\":true" : "") + ",\"parts\":[" + string.Join(",", parts) + "]}", kept.ToArray());
        acknowledged.WaitOne();
    }

    // Input: a pipe in place of descriptor 0, which a thread fills.

    class Pipe
    {
        public readonly Queue<KeyValuePair<byte[], bool>> Left = new Queue<KeyValuePair<byte[], bool>>();
        public int To;
    }

    static Pipe input;

    static void Input(string kind, byte[] text)
    {
        if (kind == "none") return;
        var ends = new int[2];
        if (pipe(ends) != 0) return;
        fcntl(ends[1], 2, 1); // before a child is started
        dup2(ends[0], 0);
        close(ends[0]);
        var now = new Pipe { To = ends[1] };
        input = now;
        Console.SetIn(new StreamReader(Console.OpenStandardInput()));
        if (text.Length > 0) Feed(text, false);
        if (kind == "given") Feed(null, false);
        new Thread(() => Fill(now)) { IsBackground = true }.Start();
    }

    static void Feed(byte[] data, bool tell)
    {
        var to = input;
        if (to == null) return;
        lock (to.Left)
        {
            to.Left.Enqueue(new KeyValuePair<byte[], bool>(data, tell));
            Monitor.Pulse(to.Left);
        }
    }

    static void Fill(Pipe from)
    {
        try
        {
            using (var to = Open(from.To))
                for (;;)
                {
                    KeyValuePair<byte[], bool> next;
                    lock (from.Left)
                    {
                        while (from.Left.Count == 0) Monitor.Wait(from.Left);
                        next = from.Left.Dequeue();
                    }
                    if (next.Key == null) return;
                    to.Write(next.Key, 0, next.Key.Length);
                    to.Flush();
                    if (next.Value) Say("{\"op\":\"taken\",\"bytes\":" + next.Key.Length + "}");
                }
        }
        catch (IOException) { Say("{\"op\":\"closed\"}"); } // nobody reads it any more
    }

    static void NoInput()
    {
        Feed(null, false);
        input = null;
        int nothing = open("/dev/null", 0);
        dup2(nothing, 0);
        close(nothing);
        Console.SetIn(new StreamReader(Console.OpenStandardInput()));
    }

    // Cells.

    static void Interrupts()
    {
        using (var signal = new UnixSignal(Mono.Unix.Native.Signum.SIGINT))
            for (;;)
            {
                signal.WaitOne();
                signal.Reset();
                lock (running)
                    if (interruptible) user.Abort();
            }
    }

    static void Cells_()
    {
        for (;;)
        {
            given.WaitOne();
            var now = request;
            string value = null, name = null, message = "", trace = "";
            bool interrupted = false;
            printer.Errors.Clear();
            printer.Cell = Convert.ToInt32(now["cell"]);
            if (now.ContainsKey("env"))
                foreach (var v in (Dictionary<string, object>)now["env"]) Environment.SetEnvironmentVariable(v.Key, (string)v.Value);
            try
            {
                try
                {
                    lock (running) interruptible = true;
                    value = Run(code);
                }
                finally { lock (running) interruptible = false; }
            }
            catch (ThreadAbortException)
            {
                Thread.ResetAbort();
                interrupted = true;
                name = "OperationCanceledException";
                message = "the code was interrupted";
                trace = name + ": " + message;
            }
            catch (Exception e)
            {
                while (e is TargetInvocationException && e.InnerException != null) e = e.InnerException;
                name = e is Uncompiled ? "CompileError" : e.GetType().FullName;
                message = e.Message;
                trace = e is Uncompiled ? ((Uncompiled)e).All : Trace(e);
            }
            try { Console.Out.Flush(); Console.Error.Flush(); } catch (Exception) { }
            NoInput();
            var parts = new List<string>();
            var bodies = new List<byte[]>();
            var cut = new List<string>();
            Action<string, string> add = (part, text) =>
            {
                if (text.Length > MaxText) { text = text.Substring(0, MaxText); cut.Add(Quote(part)); }
                var b = Encoding.UTF8.GetBytes(text);
                parts.Add("{\"name\":" + Quote(part) + ",\"bytes\":" + b.Length + "}");
                bodies.Add(b);
            };
            if (value != null) add("value", value);
            if (name != null) { add("message", message); add("traceback", trace); }
            Say("{\"op\":\"result\",\"id\":" + Convert.ToInt64(now["id"]) + ",\"status\":" + (name == null ? "\"ok\"" : "\"exception\",\"exceptionName\":" + Quote(name)) +
                (interrupted ? ",\"interrupted\":true" : "") + (cut.Count > 0 ? ",\"cut\":[" + string.Join(",", cut) + "]" : "") + ",\"parts\":[" + string.Join(",", parts) + "]}", bodies.ToArray());
        }
    }

    // The frames of the user's code.
    static string Trace(Exception e)
    {
        var lines = e.ToString().Split('\n').ToList();
        int ours = lines.FindIndex(l => l.Contains("<InteractiveExpressionClass>") || l.Contains("at Kernel."));
        return string.Join("\n", ours < 0 ? lines : lines.Take(ours)).TrimEnd();
    }

    class Uncompiled : Exception
    {
        public readonly string All;
        public Uncompiled(string all) : base(all.Split('\n')[0]) { All = all.TrimEnd(); }
    }

    // Runs a cell and returns the text of its value, null where there is none.
    static string Run(string code)
    {
        object value = null;
        bool has = false, acts = false;
        var before = new HashSet<Assembly>(AppDomain.CurrentDomain.GetAssemblies());
        foreach (var p in Cutter.Cut(code))
        {
            acts = acts || !p.Declares;
            has = Compile(Placed(code, p), out value);
        }
        if (!acts) Start(before);
        if (!has || code.TrimEnd().EndsWith(";")) return null;
        Cells._ = value;
        return value == null ? null : Show.Text(value);
    }

    // The evaluator reads a * b as a declaration of b.
    static readonly Regex product = new Regex(@"^[\w.]+\s*\*[^;]*$");

    // A piece at its lines and columns.
    static string Placed(string code, Piece p)
    {
        var text = new StringBuilder();
        for (int i = 0; i < p.Start; i++) text.Append(code[i] == '\n' ? '\n' : ' ');
        string own = code.Substring(p.Start, p.End - p.Start);
        return text.Append(product.IsMatch(own) ? "unchecked(" + own + "\n)" : own).ToString();
    }

    static bool Compile(string text, out object value)
    {
        CompiledMethod method;
        object none = value = new object();
        string rest = evaluator.Compile(text, out method);
        if (rest != null && printer.Errors.Length == 0)
            printer.Errors.AppendFormat("<cell {0}>({1},1): error CS1002: the code ends before it is whole\n", printer.Cell, text.Count(c => c == '\n') + 1);
        if (printer.Errors.Length > 0) throw new Uncompiled(printer.Errors.ToString());
        if (method == null) return false;
        method(ref value);
        return value != none;
    }

    // Runs Main where a cell is a whole program.
    static void Start(HashSet<Assembly> before)
    {
        foreach (var a in AppDomain.CurrentDomain.GetAssemblies().Where(a => !before.Contains(a)))
            foreach (var t in a.GetTypes())
            {
                var main = t.GetMethod("Main", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic);
                if (main == null) continue;
                var result = main.Invoke(null, main.GetParameters().Length == 0 ? null : new object[] { new string[0] });
                var task = result as System.Threading.Tasks.Task;
                if (task != null) task.GetAwaiter().GetResult();
                if (result is int && (int)result != 0) { Console.Out.Flush(); Environment.Exit((int)result); }
                return;
            }
    }

    static string Quote(string s)
    {
        var to = new StringBuilder("\"");
        foreach (char c in s)
            if (c == '"' || c == '\\') to.Append('\\').Append(c);
            else if (c < ' ' || c > '~') to.AppendFormat("\\u{0:x4}", (int)c);
            else to.Append(c);
        return to.Append('"').ToString();
    }
}

// Reads the JSON of headers.
class Json
{
    readonly string text;
    int at;

    public Json(string text) { this.text = text; }

    char Next()
    {
        while (char.IsWhiteSpace(text[at])) at++;
        return text[at];
    }

    public object Read()
    {
        char c = Next();
        if (c == '{')
        {
            var all = new Dictionary<string, object>();
            at++;
            while (Next() != '}')
            {
                string key = Text();
                Next(); at++; // :
                all[key] = Read();
                if (Next() == ',') at++;
            }
            at++;
            return all;
        }
        if (c == '[')
        {
            var all = new List<object>();
            at++;
            while (Next() != ']') { all.Add(Read()); if (Next() == ',') at++; }
            at++;
            return all;
        }
        if (c == '"') return Text();
        int start = at;
        while (at < text.Length && ",]} \n".IndexOf(text[at]) < 0) at++;
        string word = text.Substring(start, at - start);
        if (word == "true" || word == "false") return word == "true";
        if (word == "null") return null;
        return double.Parse(word, CultureInfo.InvariantCulture);
    }

    string Text()
    {
        Next();
        var to = new StringBuilder();
        for (at++; text[at] != '"'; at++)
        {
            if (text[at] != '\\') { to.Append(text[at]); continue; }
            switch (text[++at])
            {
                case 'n': to.Append('\n'); break;
                case 't': to.Append('\t'); break;
                case 'r': to.Append('\r'); break;
                case 'b': to.Append('\b'); break;
                case 'f': to.Append('\f'); break;
                case 'u': to.Append((char)int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber)); at += 4; break;
                default: to.Append(text[at]); break;
            }
        }
        at++;
        return to.ToString();
    }
}
