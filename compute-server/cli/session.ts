/** What a command works with: the compute server, the signal that stops it, and where words and results go. */
import { writeOutput, type OutputKind } from '../../files/output';
import { NotWritten } from '../../files/write-file';
import { ComputeClient, type ComputeClientOptions } from '../../protocol/compute/client';
import { clientOptions, serverScript } from './compute-process';
import { CommandError, exitCodes } from './exit-codes';
import { headscopeVersion } from '../version';
import { onOutputErrors, ownTerminal, type Terminal } from './terminal';

export class CommandSession {
  private readonly controller = new AbortController();
  private readonly clients: ComputeClient[] = [];
  exitCode: number = exitCodes.done;
  /** `--force`: files that are no earlier results are replaced. */
  force = false;

  constructor(readonly terminal: Terminal = ownTerminal) {}

  /** For the one command of a process: Ctrl+C stops it, and output that cannot be written is reported. */
  ofProcess(): this {
    process.on('SIGINT', () => {
      // A second Ctrl+C does not wait for what has been measured.
      if (this.controller.signal.aborted) process.exit(exitCodes.cancelled);
      this.progress('Stopping …');
      this.stop();
    });
    onOutputErrors(
      (error) => {
        // A reader such as head that has read enough closes the pipe: it misses nothing, so nothing is reported.
        if (error.code === 'EPIPE') return;
        // The write was of the last words of a command, whose own exit code may be set already.
        process.exitCode = exitCodes.failed;
        this.note(
          `Standard output could not be written (${error.message}). Free space there, or name a file with --json.`,
        );
      },
      // Without a place to say so, a note that cannot be written is lost; the result is not.
      () => {},
    );
    return this;
  }

  stop(): void {
    this.controller.abort();
  }

  /** Fires when the command is to stop. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A compute server with further environment (limits, folders); it ends with the command. */
  compute(environment: Readonly<Record<string, string>> = {}): ComputeClient {
    const client = this.clientOf(
      clientOptions(
        serverScript(),
        { ...process.env, ...environment },
        {
          onLog: (level, message) => {
            if (level !== 'info') this.note(message);
          },
        },
      ),
    );
    this.clients.push(client);
    return client;
  }

  protected clientOf(options: ComputeClientOptions): ComputeClient {
    return new ComputeClient(options);
  }

  /** One line that replaces itself; silent when stderr is no terminal. */
  progress(line: string, share?: number): void {
    this.terminal.progress(line, share);
  }

  endProgress(): void {
    this.terminal.progress('');
  }

  /** A sentence on stderr. */
  note(sentence: string): void {
    this.endProgress();
    this.terminal.writeErr(`${sentence}\n`);
  }

  print(text: string): void {
    this.endProgress();
    this.terminal.writeOut(`${text}\n`);
  }

  /**
   * Writes the machine-readable result: a file, or `-` for stdout. Every object says by `headscope` and `created` that Headscope wrote
   * it, so that a later run may replace it; of the form that another program reads, nothing is added.
   */
  async writeJson(target: string, result: unknown, form: 'own' | 'as-is' = 'own'): Promise<void> {
    const isOwn = form === 'own' && typeof result === 'object' && result !== null && !Array.isArray(result);
    const made = isOwn ? { headscope: headscopeVersion, created: new Date().toISOString() } : {};
    const text = `${JSON.stringify(isOwn ? { ...made, ...result } : result, null, 2)}\n`;
    this.endProgress();
    if (target === '-') {
      this.terminal.writeOut(text);
      return;
    }
    await this.writeFile(target, text, 'result');
  }

  /** Writes a file that a person named. */
  async writeFile(target: string, content: string | Uint8Array, kind: OutputKind): Promise<void> {
    try {
      await writeOutput(target, content, { kind, force: this.force });
    } catch (error) {
      if (!(error instanceof NotWritten)) throw error;
      throw new CommandError(exitCodes.failed, `${target} was not written. ${error.message}`);
    }
  }

  close(): void {
    for (const client of this.clients) client.dispose();
  }
}
