/** The Model Context Protocol over standard input and output, by its own library; a bundle apart, which only `headscope mcp` loads. */
import { fileURLToPath } from 'node:url';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type CallToolResult,
} from '@modelcontextprotocol/sdk/types.js';
import type { AgentClient, AgentServer, Answer, Kept } from './agent';
import { onOutputErrors } from '../terminal';

/** Milliseconds that a person has to answer, and a client to name its folders. */
const [forPeople, forClients] = [3_600_000, 10_000];

/** Settles when the client is gone. */
export async function serve(agent: AgentServer): Promise<void> {
  const { name, version, instructions, tools } = agent;
  // The library's other class takes schemas of zod; those of the tables are JSON Schemas.
  const server = new Server({ name, version }, { capabilities: { tools: {}, resources: {} }, instructions });
  const client = clientOf(server);
  const gone = new AbortController();
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ readsOnly, ...tool }) => ({
      ...tool,
      annotations: { readOnlyHint: readsOnly, destructiveHint: !readsOnly, openWorldHint: false },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const token = params._meta?.progressToken;
    let last = 0;
    const answer = await agent.call(
      {
        name: params.name,
        given: params.arguments ?? {},
        signal: AbortSignal.any([signal, gone.signal]),
        progress(message, share) {
          if (token === undefined) return;
          // It has to grow with each message.
          last = Math.max(last + 1e-6, share ?? 0);
          const progress = { progressToken: token, progress: last, total: 1, message };
          sendNotification({ method: 'notifications/progress', params: progress }).catch(() => {});
        },
      },
      client,
    );
    return resultOf(answer);
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: agent.kept().map(described),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const found = agent.kept().find((one) => one.uri === uri);
    if (!found) throw new McpError(ErrorCode.InvalidParams, `${uri} is not kept any more. Run it again.`);
    return { contents: [{ uri, mimeType: found.mimeType, text: found.read() }] };
  });
  const closed = new Promise<void>((resolve) => {
    server.onclose = () => {
      gone.abort();
      resolve();
    };
  });
  // The library does not hear when the client closes its end.
  process.stdin.on('end', () => void server.close());
  onOutputErrors(
    () => void server.close(),
    () => undefined,
  );
  await server.connect(new StdioServerTransport());
  await closed;
}

const clientOf = (server: Server): AgentClient => ({
  async roots() {
    if (!server.getClientCapabilities()?.roots) return undefined;
    const { roots } = await server.listRoots(undefined, { timeout: forClients });
    return roots.filter(({ uri }) => uri.startsWith('file:')).map(({ uri }) => fileURLToPath(uri));
  },
  async ask(message, signal) {
    if (!server.getClientCapabilities()?.elicitation) return undefined;
    const { action } = await server.elicitInput(
      { message, requestedSchema: { type: 'object', properties: {} } },
      { signal, timeout: forPeople },
    );
    return action === 'accept';
  },
});

const described = ({ uri, name, description, mimeType, forPeople }: Kept) => ({
  uri,
  name,
  mimeType,
  ...(description === undefined ? {} : { description }),
  ...(forPeople ? { annotations: { audience: ['user' as const] } } : {}),
});

const resultOf = ({ text, json, more = [], failed }: Answer): CallToolResult => ({
  content: [{ type: 'text', text }, ...more.map((one) => ({ type: 'resource_link' as const, ...described(one) }))],
  ...(json === undefined ? {} : { structuredContent: json }),
  ...(failed ? { isError: true } : {}),
});
