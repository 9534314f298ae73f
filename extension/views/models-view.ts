/** The Models tree: models in the workspace and in `headscope.models.folders`, with what their attention is. */
import * as vscode from 'vscode';
import { items, views } from '../../protocol/contributions/views';
import type { Model, ModelIndex } from '../models/model-index';
import { baseLine, modelLine, modelLines } from './model-lines';
import type { Node } from './tree';
import { LineTree, failureNode, noteNode } from './tree';

/** In a workspace with more models only the first are marked: each is read with the headers of its weights. */
const mostMarked = 200;

export interface ModelNode extends Node {
  readonly resource: vscode.Uri;
}

const showModel = (uri: vscode.Uri): vscode.Command => ({
  command: 'headscope.showModel',
  title: 'Show This Model',
  arguments: [uri],
});

function contextOf({ vision, other, family }: Model): string {
  if (other === undefined) return vision ? items.modelWithVision : items.model;
  return other.kind === 'adapter' || family === 'none' ? items.file : items.fileWithAttention;
}

export class ModelsView extends LineTree {
  private readonly index: ModelIndex;
  private readonly selected = this.own(new vscode.EventEmitter<vscode.Uri>());
  private marking = false;
  /** A model is the one selected line. */
  readonly onSelect = this.selected.event;

  constructor(index: ModelIndex) {
    super('models');
    this.index = index;
    this.own(index.onChange(() => this.refresh()));
    const tree = this.own(
      vscode.window.createTreeView(views.models, {
        treeDataProvider: this,
        showCollapseAll: true,
        canSelectMany: true,
      }),
    );
    this.own(
      tree.onDidChangeSelection(({ selection: [node, ...more] }) => {
        if (node?.resource !== undefined && more.length === 0) this.selected.fire(node.resource);
      }),
    );
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      const { models, problems } = await this.index.find();
      void this.mark(models);
      return [...problems.map(noteNode), ...models.map((model) => this.node(model))];
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

  private node(model: Model): ModelNode {
    const facts = this.index.known(model.uri);
    return {
      line: modelLine(model, vscode.workspace.asRelativePath(model.uri), facts),
      contextValue: contextOf(model),
      resource: model.uri,
      command:
        model.other === undefined
          ? { command: 'vscode.open', title: 'Open', arguments: [model.uri] }
          : showModel(model.uri),
      children: () => this.facts(model),
    };
  }

  private async facts(model: Model): Promise<readonly Node[]> {
    try {
      const facts = await this.index.describe(model.uri);
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
                command: { command: 'vscode.open', title: 'Open', arguments: [model.uri] },
              },
            ]
          : []),
      ];
    } catch (error) {
      return [failureNode(error)];
    }
  }
}
