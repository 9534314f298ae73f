/** Answers an agent's calls: looks at what they ask, asks the person where it has to, and runs them one after another. */
import { dirname, resolve } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { FailureError } from '../../../protocol/wire/failures';
import { headscopeVersion } from '../../version';
import { CommandError, commandErrorOf, exitCodes, wrongUsage } from '../exit-codes';
import { lookAtOutputs } from '../output-options';
import { CommandSession } from '../session';
import type { AgentClient, AgentServer, Answer, ToolCall } from './agent';
import { listed } from './catalogue';
import { outcomeText, runCheck } from './check-process';
import { compared } from './compare';
import { costInWords, longRun, type Cost } from './cost';
import { KeptResults } from './kept-results';
import { Roots } from './roots';
import { orderFrom, type Order } from './tool-arguments';
import { ToolSession } from './tool-session';
import { toolInfo, tools, type CommandTool, type Tool } from './tools';

interface ServerOptions {
  /** The commands, registered with a session. */
  readonly program: (session: CommandSession) => Command;
  /** Folders that files may lie in; empty: those that the client gives, else the working folder. */
  readonly roots: readonly string[];
  /** Nothing is run or written. */
  readonly inspectOnly: boolean;
}

const instructions =
  'Headscope looks into attention models on this machine: it checks and inspects model folders, benchmarks attention mechanisms, and runs analyses of heads. Paths are of files in the open folders. Results are short; headscope://results/… has the whole JSON, and a large page for people. Runs that take more than a minute or write files ask first.';

const inspectOnlyWords =
  'Only inspection is allowed here, because the folder is not trusted. Trust the folder in the editor, or start the server without --inspect-only.';

/** A run that was not agreed to: nothing has run. */
class NotAgreed extends Error {}

/** Settles when the client is gone. */
export async function serveAgent(options: ServerOptions): Promise<void> {
  const { serve } = await import('./agent-protocol').catch((error: unknown) => {
    if (!/MODULE_NOT_FOUND$/u.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new CommandError(
      exitCodes.failed,
      'This installation has no server for agents. Use that of the extension, or the package that npm run package:cli makes.',
    );
  });
  await serve(agentServer(options));
}

function agentServer(options: ServerOptions): AgentServer {
  const kept = new KeptResults();
  // Only its tables are read.
  const program = options.program(new CommandSession());
  const line = new Line();
  return {
    name: 'headscope',
    version: headscopeVersion,
    instructions,
    tools: tools.map((tool) => toolInfo(program, tool)),
    kept: () => kept.all(),
    async call(call, client) {
      const tool = tools.find(({ name }) => name === call.name);
      try {
        if (!tool) {
          const known = tools.map(({ name }) => name).join(', ');
          throw wrongUsage(`There is no tool "${call.name.slice(0, 60)}". There are ${known}.`);
        }
        return await answered(tool, { ...options, call, client, kept, line });
      } catch (error) {
        return failed(error, call.signal);
      }
    },
  };
}

interface Work extends ServerOptions {
  readonly call: ToolCall;
  readonly client: AgentClient;
  readonly kept: KeptResults;
  readonly line: Line;
}

async function answered(tool: Tool, work: Work): Promise<Answer> {
  const { call, kept, program } = work;
  if (tool.kind === 'catalogue') return listed(call.given);
  const roots = new Roots(await rootsOf(work));
  if (tool.kind === 'compare') {
    return inSession(work, roots, { confirmed: false, writes: [], runs: false }, async (session) => {
      const { text, json } = await compared(call.given, { roots, kept, session });
      return kept.answer('Comparison', text, json);
    });
  }
  const order = await orderFrom(program(new CommandSession()), tool, call.given, roots);
  if (work.inspectOnly && (order.runs || order.writes.length > 0)) throw wrongUsage(inspectOnlyWords);
  return inSession(work, roots, order, (session) =>
    tool.command === 'check' ? checkAnswer(work, order, session) : commandAnswer(tool, work, order, session),
  );
}

async function rootsOf({ roots, client }: Work): Promise<readonly string[]> {
  if (roots.length > 0) return roots.map((folder) => resolve(folder));
  const here = process.cwd();
  // A program that starts a server in the root of the disk means no folder.
  return (await client.roots()) ?? (dirname(here) === here ? [] : [here]);
}

/** What runs waits for what runs: times would be wrong, and memory short. What is only read waits for nothing. */
async function inSession(
  { call, client, line }: Work,
  roots: Roots,
  order: Pick<Order, 'confirmed' | 'writes' | 'runs'>,
  act: (session: ToolSession) => Promise<Answer>,
): Promise<Answer> {
  const work = async (): Promise<Answer> => {
    const session = new ToolSession({
      call,
      within: (path) => roots.within(path),
      agree: (cost) => agree(client, order, cost, call.signal),
    });
    try {
      return await act(session);
    } finally {
      session.close();
    }
  };
  return order.runs ? line.take(call, work) : work();
}

/** A person is asked of runs that take long or write; a client that cannot ask says with `confirm` that it has. */
async function agree(
  client: AgentClient,
  { confirmed, writes }: Pick<Order, 'confirmed' | 'writes'>,
  cost: Cost | undefined,
  signal: AbortSignal,
): Promise<void> {
  const isLong = cost !== undefined && cost.seconds > longRun;
  const reasons = [...(isLong ? [costInWords(cost)] : []), ...writes];
  if (reasons.length === 0) return;
  const said = await client.ask(`${reasons.join(' ')} Run it?`, signal);
  if (said === true || (said === undefined && confirmed)) return;
  if (said === false) throw new NotAgreed(`${reasons.join(' ')} The person did not agree, so nothing was run.`);
  throw new NotAgreed(
    `${reasons.join(' ')} Nothing was run yet. Ask the person, then call it again with "confirm": true.`,
  );
}

async function checkAnswer(work: Work, order: Order, session: ToolSession): Promise<Answer> {
  await agree(work.client, order, undefined, session.signal);
  // Options stand before the `--` that the arguments come behind.
  const [first = '', ...rest] = order.words;
  const isDiff = rest.includes('--dry-run');
  const { code, out, err } = await runCheck([first, ...(isDiff ? [] : ['--format=json']), ...rest], session.signal);
  if (code === exitCodes.wrongUsage) throw wrongUsage(err.trim());
  if (isDiff) return { text: [out.trim() || 'There is nothing to mend.', err.trim()].join('\n').trim() };
  const json = JSON.parse(out) as Record<string, unknown>;
  return work.kept.answer('Check', [outcomeText(json), err.trim()].join('\n').trim(), json);
}

async function commandAnswer(tool: CommandTool, work: Work, order: Order, session: ToolSession): Promise<Answer> {
  const result = `--json=${order.save ?? session.nowhere}`;
  const [first = '', ...rest] = order.words;
  await lookAtOutputs(work.program(session), session).parseAsync([first, result, ...rest], { from: 'user' });
  const { out, err } = session.said;
  const text = [out.trim(), err.trim(), ...(order.save === undefined ? [] : [`Written to ${order.save}.`])]
    .filter((one) => one !== '')
    .join('\n\n');
  return session.result === undefined ? { text } : work.kept.answer(tool.title, text, session.result);
}

function failed(error: unknown, signal: AbortSignal): Answer {
  if (error instanceof NotAgreed) return { text: error.message, failed: true };
  if (error instanceof CommanderError) return { text: error.message.replace(/^error: /u, ''), failed: true };
  return { text: commandErrorOf(error, signal.aborted).message, failed: true };
}

/** One call after another. */
class Line {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  async take<T>(call: Pick<ToolCall, 'signal' | 'progress'>, act: () => Promise<T>): Promise<T> {
    if (this.waiting > 0) call.progress('Waiting for the run before it …');
    this.waiting += 1;
    const before = this.last;
    const turn = before.then(() => {
      if (call.signal.aborted) throw new FailureError({ code: 'cancelled' });
      return act();
    });
    this.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.waiting -= 1;
    }
  }
}
