/**
 * One call of a tool of `headscope mcp`, in a process that ends with it: a message a line, as the protocol has them over standard input
 * and output. It is tested without VS Code.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { AgentLaunch } from './agent-launch';

export interface AgentAnswer {
  readonly text: string;
  readonly json?: unknown;
  readonly failed: boolean;
}

const protocolVersion = '2025-06-18';
const call = 1;

interface Message {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly content?: readonly { readonly type: string; readonly text?: string }[];
    readonly structuredContent?: unknown;
    readonly isError?: boolean;
  };
}

/** Rejects where the server does not answer, or `signal` fires. */
export const callAgentTool = (
  { command, args, env }: AgentLaunch,
  name: string,
  given: object,
  signal: AbortSignal,
): Promise<AgentAnswer> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { env: applied(env), stdio: ['pipe', 'pipe', 'pipe'], signal });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    const end = (): void => {
      child.stdin.end();
    };
    createInterface(child.stdout).on('line', (line) => {
      const { id, error, result } = messageOf(line);
      if (id !== call) return;
      end();
      if (error) return reject(new Error(error.message));
      const texts = (result?.content ?? []).flatMap(({ type, text }) => (type === 'text' && text ? [text] : []));
      resolve({ text: texts.join('\n'), json: result?.structuredContent, failed: result?.isError === true });
    });
    child.on('error', reject);
    child.stdin.on('error', () => {});
    child.on('close', () =>
      reject(
        new Error(
          `Headscope's server for agents ended early. ${errors.trim() || 'The log of the editor may say why.'}`,
        ),
      ),
    );
    const send = (message: object): void =>
      void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const clientInfo = { name: 'headscope-extension', version: '1' };
    send({ id: 0, method: 'initialize', params: { protocolVersion, capabilities: {}, clientInfo } });
    send({ method: 'notifications/initialized' });
    send({ id: call, method: 'tools/call', params: { name, arguments: given } });
  });

function messageOf(line: string): Message {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return {};
  }
}

function applied(changes: AgentLaunch['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete env[name];
    else env[name] = value;
  }
  return env;
}
