// npm run manifest: writes schemas/ (schemas.mjs), the index of docs/analyses (analyses-index.mjs), docs/families.md (families-page.mjs),
// what sweeps can run (sweep-catalogue.mjs), and into package.json what VS Code reads of the tables in protocol/contributions: commands and their menus, views, editors, settings, walkthrough, and the events that
// start the extension. Everything else there is left alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { analyses, experiments } from '../diagnostics/catalogue.ts';
import {
  analysesInPalette,
  analysisCommand,
  analysisCommandTitle,
  commandTable,
} from '../protocol/contributions/commands.ts';
import { agentServer, agentTools, openTool } from '../protocol/contributions/agents.ts';
import { areas, settings } from '../protocol/contributions/settings.ts';
import {
  container,
  customEditors,
  sweepEditor,
  exampleMarker,
  notebookRenderer,
  panels,
  emptyKey,
  views,
  viewTable,
} from '../protocol/contributions/views.ts';
import { walkthrough } from '../protocol/contributions/walkthrough.ts';
import { writeAnalysesIndex } from './analyses-index.mjs';
import { writeFamiliesPage } from './families-page.mjs';
import { jsonValidation, writeSchemas } from './schemas.mjs';
import { root } from './setup.mjs';
import { writeSweepCatalogue } from './sweep-catalogue.mjs';

/** JSON Schema of the values that a setting takes. */
function typeOf(setting) {
  switch (setting.kind) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
    case 'number':
      return { type: setting.kind, minimum: setting.min, maximum: setting.max };
    case 'text':
      return { type: setting.mayBeNumber ? ['string', 'number'] : 'string' };
    case 'choice':
      return { type: 'string', enum: Object.keys(setting.options), enumDescriptions: Object.values(setting.options) };
    case 'textList':
      return { type: 'array', items: { type: 'string' }, uniqueItems: true };
    case 'integerList':
      return {
        type: 'array',
        items: { type: 'integer', minimum: setting.min, maximum: setting.max },
        minItems: 1,
        uniqueItems: true,
      };
    case 'choiceMap':
      return {
        type: 'object',
        additionalProperties: {
          type: 'string',
          enum: Object.keys(setting.options),
          enumDescriptions: Object.values(setting.options),
        },
      };
    default:
      throw new Error(`The manifest has no words for a setting of the kind ${setting.kind}.`);
  }
}

const configuration = () =>
  [...new Set(Object.values(areas))].map((title) => ({
    title,
    properties: Object.fromEntries(
      Object.entries(settings)
        .filter(([key]) => areas[key.split('.')[1]] === title)
        .map(([key, setting]) => [
          key,
          { ...typeOf(setting), default: setting.default, scope: setting.scope, description: setting.description },
        ]),
    ),
  }));

const commands = (catalogue) => [
  ...Object.entries(commandTable).map(([command, { title, icon, needs }]) => ({
    command,
    title,
    category: 'Headscope',
    ...(icon === undefined ? {} : { icon: `$(${icon})` }),
    ...(needs === undefined ? {} : { enablement: 'isWorkspaceTrusted' }),
  })),
  ...catalogue.map(({ id, title }) => ({
    command: analysisCommand(id),
    title: analysisCommandTitle(title),
    category: 'Headscope',
    enablement: 'isWorkspaceTrusted',
  })),
];

function menus(catalogue) {
  const items = Object.entries(commandTable).flatMap(([command, { palette, menus: placements = [] }]) => [
    ...placements.map(({ menu, when, group }) => [menu, { command, when, group }]),
    ...(palette === undefined ? [] : [['commandPalette', { command, when: palette }]]),
  ]);
  items.push(
    ...catalogue.map(({ id }) => ['commandPalette', { command: analysisCommand(id), when: analysesInPalette }]),
  );
  const grouped = {};
  for (const [menu, item] of items) (grouped[menu] ??= []).push(item);
  return grouped;
}

const listedViews = () =>
  Object.entries(viewTable).map(([key, { name, type, initialSize, visibility }]) => ({
    ...(type === undefined ? {} : { type }),
    id: views[key],
    name,
    icon: container.icon,
    contextualTitle: `Headscope ${name}`,
    ...(initialSize === undefined ? {} : { initialSize }),
    ...(visibility === undefined ? {} : { visibility }),
  }));

// VS Code shows these also before a tree has rows, and before the extension has started.
const welcomes = () =>
  Object.entries(viewTable).flatMap(([key, { reading, welcome = [] }]) => [
    ...(reading === undefined ? [] : [{ view: views[key], when: `!${emptyKey(key)}`, contents: reading }]),
    ...welcome.map(({ when, contents }) => ({
      view: views[key],
      when: when === undefined ? emptyKey(key) : `${emptyKey(key)} && ${when}`,
      contents,
    })),
  ]);

/** What a tool takes is what that of `headscope mcp` takes. */
function languageModelTools() {
  const load = createRequire(import.meta.url);
  const { headscopeProgram } = load('../compute-server/cli/program.ts');
  const { toolInfo, tools } = load('../compute-server/cli/mcp/tools.ts');
  const program = headscopeProgram({});
  return Object.entries(agentTools).map(([name, { tool, without, reference, title, icon, description: own }]) => {
    const { description, inputSchema } =
      tool === undefined
        ? openTool
        : toolInfo(
            program,
            tools.find((one) => one.name === tool),
          );
    const properties = Object.entries(inputSchema.properties).filter(([property]) => !without.includes(property));
    return {
      name,
      displayName: title,
      toolReferenceName: reference,
      canBeReferencedInPrompt: true,
      icon: `$(${icon})`,
      userDescription: own ?? description,
      modelDescription: own ?? description,
      inputSchema: { ...inputSchema, properties: Object.fromEntries(properties) },
    };
  });
}

const all = [...analyses, ...experiments];

/** What these tables say of package.json; a key that is not here is written by hand. */
export function manifestOfTables(catalogue = all) {
  const editors = Object.values(customEditors);
  return {
    activationEvents: [
      'onLanguage:json',
      // A sweep is checked while it is written.
      'onLanguage:yaml',
      // A mechanism of the workspace is checked when it is saved.
      'onLanguage:typescript',
      ...panels.map((panel) => `onWebviewPanel:${panel}`),
      `workspaceContains:${exampleMarker}`,
    ],
    contributes: {
      commands: commands(catalogue),
      configuration: configuration(),
      configurationDefaults: {
        // Two results beside each other in a diff are shown as text: a custom editor cannot mark what differs.
        'workbench.diffEditorAssociations': Object.fromEntries(editors.map(({ suffix }) => [`*${suffix}`, 'default'])),
      },
      viewsContainers: { activitybar: [container] },
      views: { [container.id]: listedViews() },
      viewsWelcome: welcomes(),
      customEditors: editors
        .map(({ viewType, name, suffix }) => ({
          viewType,
          displayName: name,
          selector: [{ filenamePattern: `*${suffix}` }],
          priority: 'default',
        }))
        .concat({
          viewType: sweepEditor.viewType,
          displayName: sweepEditor.name,
          selector: sweepEditor.patterns.map((filenamePattern) => ({ filenamePattern })),
          // The file of a sweep is written as text.
          priority: 'option',
        }),
      notebookRenderer: [notebookRenderer],
      menus: menus(catalogue),
      jsonValidation,
      mcpServerDefinitionProviders: [agentServer],
      languageModelTools: languageModelTools(),
      walkthroughs: [
        {
          ...walkthrough,
          steps: walkthrough.steps.map(({ svg, altText, ...step }) => ({
            id: step.id,
            title: step.title,
            description: step.description,
            media: { svg, altText },
            completionEvents: step.completionEvents,
            ...('when' in step ? { when: step.when } : {}),
          })),
        },
      ],
    },
  };
}

/** The text of a package.json with the tables written in. */
export const withTables = (text, catalogue = all) =>
  `${JSON.stringify({ ...JSON.parse(text), ...manifestOfTables(catalogue) }, undefined, 2)}\n`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = join(root, 'package.json');
  writeFileSync(file, withTables(readFileSync(file, 'utf8')));
  // A failure ends the process with it.
  void writeSchemas();
  void writeAnalysesIndex();
  void writeFamiliesPage();
  void writeSweepCatalogue();
}
