/** What VS Code offers to agents: the server for all tools, and four that need no server. Written into package.json. */

export const agentServer = { id: 'headscope.agents', label: 'Headscope' } as const;

/** A tool of VS Code; those that name one of `headscope mcp` take what it takes, without `without`. */
export const agentTools = {
  headscope_check: {
    tool: 'check',
    without: ['fix', 'dry-run', 'confirm'],
    reference: 'checkModel',
    title: 'Check a Model Configuration',
    doing: 'Checking model configurations',
    icon: 'checklist',
  },
  headscope_inspect: {
    tool: 'inspect',
    without: [],
    reference: 'inspectModel',
    title: 'Inspect a Model',
    doing: 'Inspecting a model',
    icon: 'search',
  },
  headscope_compare: {
    tool: 'compare',
    without: [],
    reference: 'compareResults',
    title: 'Compare Results',
    doing: 'Comparing two results',
    description:
      'What changed between two saved results of one kind (*.headscope-analysis.json, *.headscope-heads.json, *.headscope-bench.json), and whether they can be compared.',
    icon: 'diff',
  },
  headscope_open: {
    tool: undefined,
    without: [],
    reference: 'openInHeadscope',
    title: 'Open in a Panel',
    doing: 'Opening a panel',
    icon: 'window',
  },
} as const;

export type AgentTool = keyof typeof agentTools;

export const openTool = {
  description:
    'Opens a file of the workspace in its panel of Headscope: a model folder or its config.json, or a saved result such as *.headscope-analysis.json or *.headscope-bench.json. Runs nothing.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', description: 'a file or folder in the workspace; relative to its first folder' },
    },
    required: ['path'],
    additionalProperties: false,
  },
} as const;
