/** What the server says to an agent and asks of its client, without a word of the protocol: `agent-protocol.ts` alone knows that. */
import type { ObjectSchema } from './json-schema';

export interface ToolInfo {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  /** It runs no kernel and no model, and writes nothing unless it is asked to. */
  readonly readsOnly: boolean;
}

export interface ToolCall {
  readonly name: string;
  readonly given: Readonly<Record<string, unknown>>;
  /** Fires when the client has cancelled the call or is gone. */
  readonly signal: AbortSignal;
  /** `share` of 1; absent where it is not known. */
  readonly progress: (sentence: string, share?: number) => void;
}

/** The program at the other end. */
export interface AgentClient {
  /** The folders that a person has opened in it; undefined where it does not say. */
  roots(): Promise<readonly string[] | undefined>;
  /** Asks the person; undefined where the client cannot. */
  ask(question: string, signal: AbortSignal): Promise<boolean | undefined>;
}

export interface Kept {
  readonly uri: string;
  readonly name: string;
  readonly description?: string;
  readonly mimeType: string;
  /** No language model should read it. */
  readonly forPeople?: boolean;
  readonly read: () => string;
}

export interface Answer {
  /** For people and models: short. */
  readonly text: string;
  /** As `--json` of the command writes it. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** What is read only if it is asked for. */
  readonly more?: readonly Kept[];
  readonly failed?: true;
}

export interface AgentServer {
  readonly name: string;
  readonly version: string;
  readonly instructions: string;
  readonly tools: readonly ToolInfo[];
  call(call: ToolCall, client: AgentClient): Promise<Answer>;
  kept(): readonly Kept[];
}
