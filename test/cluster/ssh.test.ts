/**
 * The command line on the remote side of a real ssh, on this machine: its results come without a terminal, and what runs there ends with
 * the connection. It needs Debian's openssh-server, as root.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeviceInfo } from '../../protocol/compute/api';
import { processes } from './support/cluster';

const program = '/usr/sbin/sshd';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An ssh server of this test, and a client that knows it. Nothing of the person's own ssh is read or written. */
class SshServer {
  /** On its PATH are `headscope` and a Node. */
  readonly folder = mkdtempSync(join(tmpdir(), 'headscope-ssh-'));
  private daemon: ChildProcess | undefined;
  private port = 0;

  async start(): Promise<void> {
    const { folder } = this;
    const [bin, none] = [join(folder, 'bin'), join(folder, 'none')];
    mkdirSync(bin);
    symlinkSync(resolve('dist/cli.js'), join(bin, 'headscope'));
    symlinkSync(process.execPath, join(bin, 'node'));
    for (const name of ['host', 'person']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    }
    // Where it gives up its rights; the service makes it where one runs.
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    this.port = await freePort();
    writeFileSync(
      join(folder, 'config'),
      [
        `Port ${this.port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(folder, 'host')}`,
        `AuthorizedKeysFile ${join(folder, 'person.pub')}`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'StrictModes no',
        'UsePAM no',
        'PidFile none',
        // And no graphics driver is there.
        `SetEnv PATH=${[bin, process.env['PATH'] ?? ''].join(delimiter)} VK_DRIVER_FILES=${none} VK_ICD_FILENAMES=${none}`,
        '',
      ].join('\n'),
    );
    this.daemon = spawn(program, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
    while (!(await answers(this.port))) {
      assert.equal(this.daemon.exitCode, null, 'sshd ended');
      await pause(50);
    }
  }

  /** `headscope` over there; `-tt` among the options: with a terminal. */
  client(words: string, ...options: readonly string[]): ChildProcess {
    const known = `UserKnownHostsFile=${join(this.folder, 'known')}`;
    const settings = [known, 'StrictHostKeyChecking=no', 'BatchMode=yes', 'LogLevel=ERROR'].flatMap((one) => [
      '-o',
      one,
    ]);
    const to = ['-F', 'none', '-p', String(this.port), '-i', join(this.folder, 'person'), ...settings, ...options];
    return spawn('ssh', [...to, 'localhost', `headscope ${words}`], { stdio: ['pipe', 'pipe', 'pipe'] });
  }

  end(): void {
    this.daemon?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
    socket.on('connect', () => socket.destroy());
  });

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })));
}

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

const started = new Set<number>();

/** The process of the command with these words on the remote side and its compute server, once both are there. */
async function running(words: string): Promise<readonly number[]> {
  for (;;) {
    const all = processes();
    // Not the client, and no shell before the command: only the command itself has a compute server.
    const found = all.flatMap(({ pid, parent, words: of }) => {
      const above = of.includes('compute-server.js') ? all.find((one) => one.pid === parent) : undefined;
      return above?.words.includes(words) === true ? [above.pid, pid] : [];
    });
    if (found.length > 0) {
      for (const pid of found) started.add(pid);
      return found;
    }
    await pause(100);
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isThere)) await pause(50);
}

/** As many steps as no machine takes while a test runs; the seed tells one run from another. */
const endless = (seed: number): string => `run toy-circuits --param steps=1000000 --seed ${seed} --json -`;

const canServe = existsSync(program) && process.getuid?.() === 0;
if (!canServe)
  console.log('openssh-server is not installed or this is not root: the command line over ssh is not tried.');

(canServe ? describe : () => undefined)('the command line over ssh', function () {
  this.timeout(60_000);
  const server = new SshServer();
  before(() => server.start());
  after(() => {
    for (const pid of started) if (isThere(pid)) process.kill(pid, 'SIGKILL');
    server.end();
  });

  it('answers with results and exit codes, without a terminal', async () => {
    const model = resolve('examples/models/demo-lm');
    const workspace = resolve('examples/workspace');
    const [heads, check, devices] = await Promise.all([
      outcomeOf(server.client(`heads ${model} --prompt "one two" --json -`)),
      outcomeOf(server.client(`check ${workspace} --format json`)),
      outcomeOf(server.client('devices --no-roof --json -')),
    ]);
    assert.deepEqual([heads.code, heads.stderr], [0, '']);
    const { layers, statistics } = JSON.parse(heads.stdout) as {
      readonly layers: number;
      readonly statistics: { readonly entropy: readonly number[] };
    };
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([layers, statistics.entropy.length], Array(2).fill(config['num_hidden_layers']));
    assert.equal(check.code, 1);
    assert.ok((JSON.parse(check.stdout) as { readonly files: readonly unknown[] }).files.length > 0);
    const { devices: list } = JSON.parse(devices.stdout) as { readonly devices: readonly DeviceInfo[] };
    const reason = (id: string): string => list.find((device) => device.id === id)?.reason ?? '';
    assert.match(reason('webgpu'), /^No graphics driver with Vulkan, Metal or Direct3D 12 answered\./);
    assert.match(reason('cuda'), /^onnxruntime's CUDA libraries are not part of Headscope/);
  });

  it('ends what it runs when the connection ends, and leaves no process', async () => {
    const words = endless(4711);
    const client = server.client(words);
    const pids = await running(words);
    // Ctrl+C where the client runs.
    client.kill('SIGINT');
    await gone(pids);
  });

  it('ends by Ctrl+C in a terminal of the remote side', async () => {
    const words = endless(4712);
    const client = server.client(words, '-tt');
    const outcome = outcomeOf(client);
    const pids = await running(words);
    client.stdin?.write('\u0003');
    const ended = await outcome;
    assert.equal(ended.code, 130, ended.stdout);
    await gone(pids);
  });
});
