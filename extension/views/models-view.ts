/**
 * The Models tree: the models that come with Headscope, those in the workspace and in `headscope.models.folders`. Those that run come
 * first. Below each stand its results, then what its attention is. The last rows are for what is of none of these models: other
 * results of the history, and all files of saved results.
 */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { items, views } from '../../protocol/contributions/views';
import type { ModelFacts } from '../../protocol/language/requests';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import type { HistoryEntry } from '../history/entry';
import type { History } from '../history/history';
import { whyNotRun } from '../models/model-choices';
import type { Model, ModelBelow, ModelIndex } from '../models/model-index';
import { modelPath } from '../models/model-path';
import { offeredStores, type ModelStore } from '../models/other-stores';
import { setting } from '../platform/settings';
import { realFolder } from '../models/real-folder';
import { visionModel } from '../panels/vision-demo';
import { textDemo } from '../panels/model-services';
import type { Titles } from '../results/result-kinds';
import type { ResultLibrary } from '../results/result-library';
import { baseLine, demoLine, modelLine, modelLines } from './model-lines';
import { otherLine } from './result-line';
import { runNodes, savedNode } from './result-nodes';
import { sweepsNode, watchSweeps } from './sweep-nodes';
import type { Node } from './tree';
import { LineTree, failureNode, noteNode } from './tree';

/** In a workspace with more models only the first are marked: each is read with the headers of its weights. */
const mostMarked = 200;
/** A model that comes with Headscope. */
type Demo = Pick<ModelChoice, 'folder' | 'label' | 'runs'> & { readonly vision: boolean };

/** The models that come with Headscope and are there: that of text, and in the repository the one that sees. */
export function demoRows(extension: vscode.Uri): readonly Demo[] {
  const text = textDemo(extension);
  const vision = visionModel(extension.fsPath);
  return [
    { ...text, vision: false },
    { ...vision, folder: realFolder(vision.folder), vision: true },
  ];
}

/** Where results come from. */
export interface ShownResults {
  readonly history: Pick<History, 'list' | 'files' | 'onChange'>;
  readonly library: Pick<ResultLibrary, 'list' | 'count' | 'onChange'>;
  /** The mechanisms, by whose titles the rows of a benchmark are called. */
  readonly titles: Titles;
}

export interface ModelNode extends Node {
  readonly resource: vscode.Uri;
  readonly isModel: true;
}

const isModelNode = (node: Node | undefined): node is ModelNode => node !== undefined && 'isModel' in node;

/** A click adds the models of another program to the view. */
const offerNode = ({ program, folder }: ModelStore): Node => ({
  line: {
    id: `offer ${folder}`,
    label: `Look at the models of ${program}`,
    description: folder,
    tooltip: [`Adds ${folder} to headscope.models.folders. Files are read where they are, and none is changed.`],
    icon: 'add',
  },
  command: { command: 'headscope.models.addFolder', title: 'Look There', arguments: [folder] },
});

const isOf = ({ folder: own, model }: HistoryEntry, folder: string): boolean =>
  own === folder || (!own && model === basename(folder));

const showModel = (uri: vscode.Uri): vscode.Command => ({
  command: 'headscope.showModel',
  title: 'Show This Model',
  arguments: [uri],
});

const mayRun = ({ other }: Model): boolean => other === undefined || other.kind === 'gguf';

function contextOf({ vision, other, family }: Model, facts: ModelFacts | undefined): string {
  if (other === undefined) return vision ? items.modelWithVision : items.model;
  if (facts?.supported === true) return items.fileThatRuns;
  return other.kind === 'adapter' || family === 'none' ? items.file : items.fileWithAttention;
}

export class ModelsView extends LineTree {
  private readonly index: ModelIndex;
  private readonly results: ShownResults;
  private readonly demos: readonly Demo[];
  private readonly selected = this.own(new vscode.EventEmitter<vscode.Uri>());
  private marking = false;
  private watched: vscode.Disposable | undefined;
  /** A model is the one selected line. */
  readonly onSelect = this.selected.event;

  /** `demos`: the models that come with Headscope. */
  constructor(index: ModelIndex, results: ShownResults, demos: readonly Demo[]) {
    super('models');
    this.index = index;
    this.results = results;
    this.demos = demos;
    this.own(index.onChange(() => this.refresh()));
    this.own(results.history.onChange(() => this.refresh()));
    this.own(results.library.onChange(() => this.refresh()));
    const tree = this.own(
      vscode.window.createTreeView(views.models, {
        treeDataProvider: this,
        showCollapseAll: true,
        canSelectMany: true,
      }),
    );
    this.own(
      tree.onDidChangeSelection(({ selection: [node, ...more] }) => {
        if (isModelNode(node) && more.length === 0) this.selected.fire(node.resource);
      }),
    );
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      const { models, problems } = await this.index.find();
      void this.mark(models);
      const runs = await this.results.history.list().catch((): readonly HistoryEntry[] => []);
      const demos = this.demos.filter(({ runs }) => runs === true);
      const below = [...(await this.index.forms()), ...(await this.index.adapters())];
      const placed = new Set(below.map(({ model }) => model.uri.toString()));
      const found = models
        .filter(({ uri }) => !placed.has(uri.toString()) && demos.every(({ folder }) => modelPath(uri) !== folder))
        .toSorted((a, b) => this.place(a) - this.place(b));
      const folders = [...demos.map(({ folder }) => folder), ...models.filter(mayRun).map(({ uri }) => modelPath(uri))];
      return [
        ...problems.map(noteNode),
        ...demos.map((demo) => this.demoNode(demo, runs, below)),
        ...found.map((model) => this.node(model, runs, below)),
        ...this.otherRuns(runs, folders),
        ...(await this.savedFiles()),
        ...(await this.sweeps()),
        ...(await offeredStores(setting('headscope.models.folders'))).map(offerNode),
      ];
    } catch (error) {
      return [failureNode(error)];
    }
  }

  /** The list is there at once; what stands against running a model is read from its files, and then marked. */
  private async mark(models: readonly Model[]): Promise<void> {
    const unknown = models.slice(0, mostMarked).filter(({ uri }) => this.index.known(uri) === undefined);
    if (unknown.length === 0 || this.marking) return;
    this.marking = true;
    try {
      await Promise.all(unknown.map(({ uri }) => this.index.describe(uri).catch(() => null)));
    } finally {
      this.marking = false;
    }
    if (!this.disposed && unknown.some(({ uri }) => this.index.known(uri) !== undefined)) this.refresh();
  }

  /** Models that run first, then those that were not read yet, then those that do not run. */
  private place(model: Model): number {
    if (!mayRun(model)) return 2;
    const { uri, label } = model;
    const facts = this.index.known(uri);
    if (facts === undefined) return 1;
    return whyNotRun(facts, label) === undefined ? 0 : 2;
  }

  private demoNode(
    { folder, label, vision }: Demo,
    runs: readonly HistoryEntry[],
    below: readonly ModelBelow[],
  ): ModelNode {
    const uri = vscode.Uri.file(`${folder}/config.json`);
    return {
      line: demoLine(folder, label),
      contextValue: vision ? items.modelWithVision : items.model,
      resource: uri,
      isModel: true,
      command: {
        command: vision ? 'headscope.showHallucination' : 'headscope.showHeads',
        title: 'Show Its Heads',
        arguments: [uri],
      },
      children: async () => [
        ...(await this.runs(runs, folder)),
        ...this.below(folder, runs, below),
        ...(await this.facts(uri)),
      ],
    };
  }

  /** What was found out about the model, newest first. */
  private async runs(all: readonly HistoryEntry[], folder: string): Promise<readonly Node[]> {
    const own = all.filter((entry) => isOf(entry, folder));
    return own.length === 0 ? [] : runNodes(own, await this.results.history.files());
  }

  /** Benchmarks and modules without a model, and what was run on models that are not listed. */
  private otherRuns(all: readonly HistoryEntry[], folders: readonly string[]): readonly Node[] {
    const [known, names] = [new Set(folders), new Set(folders.map((folder) => basename(folder)))];
    const others = all.filter(({ folder, model }) => !(folder ? known.has(folder) : names.has(model)));
    if (others.length === 0) return [];
    return [
      {
        line: {
          id: 'other results',
          label: 'Other results',
          description: String(others.length),
          tooltip: ['Results that are of none of the models above'],
          icon: 'history',
        },
        children: async () => runNodes(others, await this.results.history.files(), otherLine),
      },
    ];
  }

  /** The results of cells stand below their sweep. */
  private async sweeps(): Promise<readonly Node[]> {
    this.watched ??= this.own(watchSweeps(() => this.refresh()));
    const sweeps = await sweepsNode();
    return sweeps === undefined ? [] : [sweeps];
  }

  /** They are read when the row is opened. */
  private async savedFiles(): Promise<readonly Node[]> {
    const { library, titles } = this.results;
    const count = await library.count();
    if (count === 0) return [];
    return [
      {
        line: {
          id: 'saved results',
          label: 'Saved results',
          description: String(count),
          tooltip: ['Files of results, in the workspace and in the storage of Headscope'],
          icon: 'save-all',
        },
        children: async () => {
          try {
            return (await library.list()).map((saved) => savedNode(saved, titles));
          } catch (error) {
            return [failureNode(error)];
          }
        },
      },
    ];
  }

  /** Other forms of a model and its adapters, as rows below it. */
  private below(folder: string, runs: readonly HistoryEntry[], all: readonly ModelBelow[]): readonly ModelNode[] {
    return all.filter(({ base }) => modelPath(base) === folder).map(({ model }) => this.node(model, runs, all));
  }

  private node(model: Model, runs: readonly HistoryEntry[], below: readonly ModelBelow[]): ModelNode {
    const facts = this.index.known(model.uri);
    return {
      line: modelLine(model, vscode.workspace.asRelativePath(model.uri), facts),
      contextValue: contextOf(model, facts),
      resource: model.uri,
      isModel: true,
      command:
        model.other === undefined
          ? { command: 'vscode.open', title: 'Open', arguments: [model.uri] }
          : showModel(model.uri),
      children: async () => [
        ...(mayRun(model) ? await this.runs(runs, modelPath(model.uri)) : []),
        ...this.below(modelPath(model.uri), runs, below),
        ...(await this.facts(model.uri)),
      ],
    };
  }

  private async facts(uri: vscode.Uri): Promise<readonly Node[]> {
    try {
      const facts = await this.index.describe(uri);
      if (facts === null) return [noteNode('This file is not a model configuration any more.')];
      const base = facts.file?.base;
      return [
        ...modelLines(facts).map((line) => ({ line })),
        ...(base === undefined
          ? []
          : [{ line: baseLine(base.name), command: showModel(vscode.Uri.parse(base.uri, true)) }]),
        ...(facts.file?.kind === 'adapter'
          ? [
              {
                line: { label: 'Open adapter_config.json', icon: 'go-to-file' },
                command: { command: 'vscode.open', title: 'Open', arguments: [uri] },
              },
            ]
          : []),
      ];
    } catch (error) {
      return [failureNode(error)];
    }
  }
}
