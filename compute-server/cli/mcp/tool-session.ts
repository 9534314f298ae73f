/** The session of a call: a command runs in it as in a terminal, and its words and its result are kept for the answer. */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisRequest } from '../../../protocol/analysis/schema';
import type { ComputeClient, ComputeClientOptions } from '../../../protocol/compute/client';
import { printable } from '../../../protocol/wire/printable';
import { headscopeVersion } from '../../version';
import { CommandSession } from '../session';
import { AskingClient } from './asking-client';
import { costOf, type Cost } from './cost';
import type { ToolCall } from './agent';

export interface Rules {
  readonly call: Pick<ToolCall, 'signal' | 'progress'>;
  /** Asks the person where it has to; throws where it is not to run. */
  readonly agree: (cost: Cost | undefined) => Promise<void>;
  /** Throws for a file outside the roots. */
  readonly within: (path: string) => Promise<unknown>;
}

export class ToolSession extends CommandSession {
  /** What a command is told to write its result to: the result comes here, and no such file is made. */
  readonly nowhere = join(tmpdir(), `headscope-${randomUUID()}.json`);
  /** As it is written to a file. */
  result: Readonly<Record<string, unknown>> | undefined;

  constructor(
    private readonly rules: Rules,
    private readonly words: { out: string; err: string } = { out: '', err: '' },
  ) {
    super({
      writeOut: (text) => void (words.out += printable(text)),
      writeErr: (text) => void (words.err += printable(text)),
      progress: (line, share) => {
        if (line !== '') rules.call.progress(line, share);
      },
    });
    const { signal } = rules.call;
    if (signal.aborted) this.stop();
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  /** What the command printed, and what it said beside it. */
  get said(): { readonly out: string; readonly err: string } {
    return this.words;
  }

  override async writeJson(target: string, result: unknown, form: 'own' | 'as-is' = 'own'): Promise<void> {
    const made = { headscope: headscopeVersion, created: new Date().toISOString() };
    // NaN and what JSON has no words for become what a file has for them.
    this.result = JSON.parse(JSON.stringify({ ...made, ...(result as object) })) as Record<string, unknown>;
    if (target !== this.nowhere) await super.writeJson(target, result, form);
  }

  protected override clientOf(options: ComputeClientOptions): ComputeClient {
    return new AskingClient(options, async (client, method, args) => {
      if (method !== 'analysis' && method !== 'task' && method !== 'benchmark' && method !== 'measureServing') return;
      if (method === 'analysis') await this.checkFiles(args[0] as AnalysisRequest);
      await this.rules.agree(await costOf(client, method, args, this.signal));
    });
  }

  /** Files that the interventions of a run name, which may stand in a file themselves. */
  private async checkFiles({ interventions }: AnalysisRequest): Promise<void> {
    for (const path of pathsIn(interventions)) await this.rules.within(path);
  }
}

/** Of `{ source: { from: 'file', path } }` at any depth. */
function pathsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { from, path } = value as { readonly from?: unknown; readonly path?: unknown };
  const own = from === 'file' && typeof path === 'string' ? [path] : [];
  return [...own, ...Object.values(value).flatMap(pathsIn)];
}
