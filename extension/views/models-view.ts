/** The Models tree: model configurations in the workspace and in `headscope.models.folders`, with what their attention is. */
import * as vscode from 'vscode';
import { items, views } from '../../protocol/contributions/views';
import type { Model, ModelIndex } from '../models/model-index';
import { modelLines } from './model-lines';
import type { Node } from './tree';
import { LineTree, failureNode, noteNode } from './tree';

export interface ModelNode extends Node {
  readonly resource: vscode.Uri;
}

export class ModelsView extends LineTree {
  readonly #index: ModelIndex;
  readonly #selected = this.own(new vscode.EventEmitter<vscode.Uri>());
  /** A model is the one selected line. */
  readonly onSelect = this.#selected.event;

  constructor(index: ModelIndex) {
    super();
    this.#index = index;
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
        if (node?.resource !== undefined && more.length === 0) this.#selected.fire(node.resource);
      }),
    );
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      const { models, problems } = await this.#index.find();
      return [...problems.map(noteNode), ...models.map((model) => this.#node(model))];
    } catch (error) {
      return [failureNode(error)];
    }
  }

  #node(model: Model): ModelNode {
    return {
      line: {
        id: model.uri.toString(),
        label: model.label,
        description: model.sentence,
        tooltip: [model.label, model.sentence, `family ${model.family}`, vscode.workspace.asRelativePath(model.uri)],
        icon: 'symbol-structure',
        spoken: `${model.label}, ${model.family}, ${model.sentence}`,
      },
      contextValue: model.vision ? items.modelWithVision : items.model,
      resource: model.uri,
      command: { command: 'vscode.open', title: 'Open', arguments: [model.uri] },
      children: () => this.#facts(model),
    };
  }

  async #facts(model: Model): Promise<readonly Node[]> {
    try {
      const facts = await this.#index.describe(model.uri);
      if (facts === null) return [noteNode('This file is no model configuration any more.')];
      return modelLines(facts).map((line) => ({ line }));
    } catch (error) {
      return [failureNode(error)];
    }
  }
}
