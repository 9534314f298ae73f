/** What a command works with: the compute server, the person's Ctrl+C, and where words and results go. */
import { writeFile } from 'node:fs/promises';
import type { ComputeClient } from '../../protocol/compute/client';
import { computeClient, serverScript } from './compute-process';
import { CommandError, exitCodes } from './exit-codes';
import { onOutputErrors, replaceLine, writeErr, writeOut } from './terminal';

export class CommandSession {
  private readonly controller = new AbortController();
  private readonly clients: ComputeClient[] = [];
  exitCode: number = exitCodes.done;

  constructor() {
    process.on('SIGINT', () => {
      // A second Ctrl+C does not wait for what has been measured.
      if (this.controller.signal.aborted) process.exit(exitCodes.cancelled);
      this.progress('Stopping …');
      this.controller.abort();
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
  }

  /** Fires on Ctrl+C. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A compute server with further environment (limits, folders); it ends with the command. */
  compute(environment: Readonly<Record<string, string>> = {}): ComputeClient {
    const client = computeClient(
      serverScript(),
      { ...process.env, ...environment },
      {
        onLog: (level, message) => {
          if (level !== 'info') this.note(message);
        },
      },
    );
    this.clients.push(client);
    return client;
  }

  /** One line that replaces itself; silent when stderr is no terminal. */
  progress(line: string): void {
    replaceLine(line);
  }

  endProgress(): void {
    replaceLine('');
  }

  /** A sentence on stderr. */
  note(sentence: string): void {
    this.endProgress();
    writeErr(`${sentence}\n`);
  }

  print(text: string): void {
    this.endProgress();
    writeOut(`${text}\n`);
  }

  /** Writes the machine-readable result: a file, or `-` for stdout. */
  async writeJson(target: string, result: unknown): Promise<void> {
    const text = `${JSON.stringify(result, null, 2)}\n`;
    this.endProgress();
    if (target === '-') {
      writeOut(text);
      return;
    }
    try {
      await writeFile(target, text);
    } catch (error) {
      throw new CommandError(
        exitCodes.failed,
        `The result could not be written to ${target} (${error instanceof Error ? error.message : String(error)}). Choose another file.`,
      );
    }
  }

  close(): void {
    for (const client of this.clients) client.dispose();
  }
}
