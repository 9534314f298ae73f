import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withTables } from '../../../build/manifest.mjs';
import { commandTable } from '../../../protocol/contributions/commands';
import type { SettingKey } from '../../../protocol/contributions/settings';
import { areas, settings } from '../../../protocol/contributions/settings';
import * as named from '../../../protocol/contributions/views';
import { resultKinds } from '../../../extension/results/result-kinds';

interface Manifest {
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly configuration: readonly unknown[];
    readonly views: Readonly<Record<string, readonly { readonly id: string; readonly icon: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string; readonly icon: string }[] };
    readonly viewsWelcome: readonly { readonly view: string; readonly when?: string; readonly contents: string }[];
    readonly customEditors: readonly {
      readonly viewType: string;
      readonly selector: readonly { readonly filenamePattern: string }[];
    }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when?: string }[]>>;
    readonly walkthroughs: readonly {
      readonly id: string;
      readonly steps: readonly {
        readonly description: string;
        readonly media: { readonly svg: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
  };
}

const root = join(__dirname, '..', '..', '..');
const manifestText = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(manifestText) as Manifest;
const { contributes } = manifest;
const panelNames = [
  'kernelsPanel',
  'workbenchPanel',
  'earlierWorkbenchPanel',
  'earlierHeadsPanel',
  'earlierHallucinationPanel',
  'modelPanel',
] as const;
const viewIds = Object.values(named.views) as readonly string[];
const sources = readdirSync(join(root, 'extension'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(root, 'extension', file), 'utf8'))
  .join('\n');

/** Commands of our own that a text links to or runs. */
const ownCommands = (text: string): readonly string[] =>
  [...text.matchAll(/(?:command:|onCommand:)(headscope\.[\w.]+)/g)].map((match) => match[1] ?? '');

describe('contributions', () => {
  it('are what the tables say, so that package.json is written by `npm run manifest` alone', () => {
    assert.equal(manifestText, withTables(manifestText), 'package.json is not up to date: run `npm run manifest`.');
  });

  it('offers on files that are not run what applies to them alone', () => {
    const rows = contributes.menus['view/item/context'] ?? [];
    const on = (item: string): readonly string[] =>
      rows
        .filter(({ when = '' }) => when.startsWith(`view == ${named.views.models} `))
        .filter(({ when = '' }) => new RegExp(/viewItem =~ \/(.*)\//.exec(when)?.[1] ?? '$.').test(item))
        .map(({ command }) => command)
        .toSorted();
    const looked = ['headscope.compareModels', 'headscope.models.openFolder', 'headscope.showModel'];
    assert.deepEqual(on(named.items.file), looked);
    assert.deepEqual(on(named.items.fileWithAttention), ['headscope.benchmarkConfig', ...looked]);
    assert.deepEqual(on(named.items.fileThatRuns), [
      ...['headscope.benchmarkConfig', 'headscope.compareModels', 'headscope.models.openFolder'],
      ...['headscope.runAnalysis', 'headscope.showHeads', 'headscope.showHeads', 'headscope.showModel'],
    ]);
    assert.ok(on(named.items.model).includes('headscope.showHeads'));
    const ofResults = ['compare', 'copyToWorkspace', 'delete', 'delete', 'open', 'openText', 'rename'];
    const whereListed = on(named.items.resultOfAnalysis).filter((id) => id.startsWith('headscope.results.'));
    assert.deepEqual(
      whereListed,
      ofResults.map((id) => `headscope.results.${id}`),
    );
    assert.deepEqual(
      on(named.items.run),
      whereListed.filter((id) => !id.endsWith('rename')),
    );
  });

  it('has an area for every setting', () => {
    for (const key of Object.keys(settings)) assert.ok(areas[key.split('.')[1] ?? ''], key);
  });

  it('describes settings in whole sentences, booleans as "Controls whether"', () => {
    for (const [key, setting] of Object.entries(settings)) {
      assert.match(setting.description, /\.$/, key);
      assert.match(key, /^headscope\.[a-z][a-zA-Z]*\.[a-z][a-zA-Z0-9]*$/);
      if (setting.kind === 'boolean') assert.match(setting.description, /^Controls whether /, key);
    }
  });

  it('lets no workspace name a program or a folder outside it, and restricts what a run reads', () => {
    for (const key of [
      'headscope.compute.nodePath',
      'headscope.compute.runtimeFolder',
      'headscope.models.folders',
    ] as const) {
      assert.equal(settings[key].scope, 'machine');
    }
    const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
    for (const key of restricted) assert.ok(key in settings, key);
    for (const key of Object.keys(settings) as SettingKey[]) {
      if (key.startsWith('headscope.compute.')) assert.ok(restricted.includes(key), key);
    }
  });

  it('names only commands that exist in menus, links and completion events', () => {
    const viewCommands = viewIds.map((id) => `${id}.focus`);
    const known = new Set<string>([...contributes.commands.map(({ command }) => command), ...viewCommands]);
    const used = [
      ...Object.values(contributes.menus).flatMap((items) => items.map((item) => item.command)),
      ...contributes.viewsWelcome.flatMap((welcome) => ownCommands(welcome.contents)),
      ...contributes.walkthroughs.flatMap((walkthrough) =>
        walkthrough.steps.flatMap((step) => ownCommands([step.description, ...step.completionEvents].join(' '))),
      ),
    ];
    for (const command of used) assert.ok(known.has(command), command);
  });

  it('leaves about fifteen commands in the palette where nothing is open or runs, and single analyses to a setting', () => {
    const conditions = new Map((contributes.menus['commandPalette'] ?? []).map(({ command, when }) => [command, when]));
    const always = contributes.commands.filter(({ command }) => !conditions.has(command));
    assert.ok(always.length >= 12 && always.length <= 17, always.map(({ command }) => command).join(', '));
    const ofAnalyses = [...conditions].filter(([command]) => command.startsWith('headscope.analysis.'));
    assert.ok(ofAnalyses.length > 60);
    assert.deepEqual(new Set(ofAnalyses.map(([, when]) => when)), new Set(['config.headscope.palette.analyses']));
  });

  it('gives every command that the palette never offers a place in a menu', () => {
    const hidden = Object.entries(commandTable).filter(([, command]) => command.palette === 'false');
    assert.ok(hidden.length > 0);
    for (const [id, command] of hidden)
      assert.equal((command.menus ?? []).length > 0, command.isAlias === undefined, id);
  });

  it('gives every place of a menu its own number, so that the order is not left to the alphabet', () => {
    const seen = new Map<string, string>();
    for (const [id, command] of Object.entries(commandTable)) {
      for (const { menu, group, when } of command.menus ?? []) {
        const place = `${menu} ${group} ${when}`;
        assert.equal(seen.get(place), undefined, `${id} at ${place}`);
        seen.set(place, id);
      }
    }
  });

  it('registers each of the views', () => {
    for (const name of Object.keys(named.views)) {
      assert.match(sources, new RegExp(`(createTreeView|registerWebviewViewProvider)\\(views\\.${name}\\b`), name);
    }
  });

  it('registers an editor for sweeps and for every kind of saved result, and a serializer for every panel', () => {
    for (const name of panelNames)
      assert.match(sources, new RegExp(`viewType: ${name}\\b|registerWebviewPanelSerializer\\(${name}\\b`), name);
    assert.deepEqual(
      contributes.customEditors.map((editor) => editor.viewType),
      [...Object.values(resultKinds).map(({ viewType }) => viewType), named.sweepEditor.viewType],
    );
  });

  it('has every picture it names', () => {
    const pictures = [
      ...Object.values(contributes.views).flatMap((views) => views.map((view) => view.icon)),
      ...contributes.viewsContainers.activitybar.map((container) => container.icon),
      ...contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps.map((step) => step.media.svg)),
    ];
    for (const picture of pictures) assert.ok(existsSync(join(root, picture)), picture);
  });

  it('says that a tree is being read, not that it is empty, until its rows have been read', () => {
    for (const name of Object.keys(named.views) as (keyof typeof named.views)[]) {
      if (named.viewTable[name].type === 'webview') continue;
      const key = named.emptyKey(name);
      const said = contributes.viewsWelcome.filter(({ view }) => view === named.views[name]);
      const whenOf = said.map(({ when = '' }) => when.split(' && '));
      assert.deepEqual(whenOf[0], [`!${key}`], `${name}: first, what is said while it is read`);
      for (const clauses of whenOf.slice(1)) assert.ok(clauses.includes(key), `${name}: ${clauses.join(' ')}`);
    }
  });

  it('uses only context keys that the code sets', () => {
    const clauses = JSON.stringify(contributes);
    const keys = Object.values(named.contextKeys) as readonly string[];
    for (const key of keys) assert.ok(clauses.includes(key), `${key} is set but never read`);
  });
});
