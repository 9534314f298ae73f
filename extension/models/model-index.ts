/** The models that can be seen from here: found by name, recognised by content through the language server, kept until files change. */
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { contextKeys } from '../../protocol/contributions/views';
import type { ModelFacts, OtherFileFacts } from '../../protocol/language/requests';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import type { ShapeChoice } from '../../protocol/panels/kernels';
import type { Language } from '../platform/language';
import { Owner } from '../platform/owner';
import { onSettingChange, setting } from '../platform/settings';
import { WorkspaceFiles } from '../platform/workspace-files';
import { distinctChoices, modelChoice } from './model-choices';
import { findConfigs } from './model-folders';
import { fileLabel, modelsAlone, modelFiles, modelLabel } from './model-names';
import { modelPath } from './model-path';
import { shapeChoices } from './shape-choices';

export interface Model {
  readonly uri: vscode.Uri;
  readonly label: string;
  readonly family: string;
  readonly sentence: string;
  /** It reads pictures and writes text. */
  readonly vision: boolean;
  /** The kind of file, if it is not a config. GGUF files may run. */
  readonly other?: Pick<OtherFileFacts, 'kind' | 'title'>;
}

/** A model that belongs to another one, and the config of that. */
export interface ModelBelow {
  readonly model: Model;
  readonly base: vscode.Uri;
}

export interface FoundModels {
  readonly models: readonly Model[];
  /** One sentence for each thing that was left out. */
  readonly problems: readonly string[];
}

/** A workspace with more is searched in part, and says so. */
const mostConfigs = 2000;
const excluded = '**/{node_modules,.git,.host,dist,out}/**';
/** Milliseconds after a change of files: a checkout touches many. */
const quiet = 300;

export class ModelIndex extends Owner {
  private readonly language: Language;
  private readonly changed = this.own(new vscode.EventEmitter<void>());
  private found: Promise<FoundModels> | undefined;
  private readonly facts = new Map<string, Promise<ModelFacts | null>>();
  private readonly knownFacts = new Map<string, ModelFacts>();
  /** A config that a command named and that may lie outside what is found. */
  private beside: vscode.Uri | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly files = this.own(
    new WorkspaceFiles({ pattern: modelFiles, excluded, most: mostConfigs }, () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), quiet);
    }),
  );

  readonly onChange = this.changed.event;

  constructor(language: Language) {
    super();
    this.language = language;
    this.own(onSettingChange(['headscope.models.folders'], () => this.refresh()));
    this.own(vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()));
    this.own(language.onRestart(() => this.refresh()));
    this.own({ dispose: () => clearTimeout(this.timer) });
  }

  refresh(): void {
    this.found = undefined;
    this.facts.clear();
    this.knownFacts.clear();
    this.changed.fire();
  }

  find(): Promise<FoundModels> {
    this.found ??= this.search().catch((error: unknown) => {
      this.found = undefined;
      throw error;
    });
    return this.found;
  }

  /** What is known of it by now, without asking. */
  known(uri: vscode.Uri): ModelFacts | undefined {
    return this.knownFacts.get(uri.toString());
  }

  describe(uri: vscode.Uri): Promise<ModelFacts | null> {
    const key = uri.toString();
    let facts = this.facts.get(key);
    if (facts === undefined) {
      facts = this.language.describe(uri);
      facts.then(
        (made) => {
          if (made !== null && this.facts.get(key) === facts) this.knownFacts.set(key, made);
        },
        () => this.facts.delete(key),
      );
      this.facts.set(key, facts);
    }
    return facts;
  }

  /** Shapes of every model found, for the kernels panel, and of `beside`, a config that may lie elsewhere, from now on. */
  async shapes(beside = this.beside): Promise<readonly ShapeChoice[]> {
    this.beside = beside;
    const { models } = await this.find();
    const wanted = new Map(models.map((model) => [model.uri.toString(), model]));
    if (beside !== undefined && !wanted.has(beside.toString())) {
      wanted.set(beside.toString(), {
        uri: beside,
        label: modelLabel(beside.path),
        family: '',
        sentence: '',
        vision: false,
      });
    }
    const choices = await Promise.all(
      [...wanted.values()].map(async (model) => {
        // An adapter has the attention of its base.
        const facts = model.other?.kind === 'adapter' ? null : await this.describe(model.uri).catch(() => null);
        return facts === null ? [] : shapeChoices(facts, model.label);
      }),
    );
    return choices.flat();
  }

  /** The models for the panels that run one, marked where they cannot; `demos` come first. */
  async choices(...demos: readonly ModelChoice[]): Promise<readonly ModelChoice[]> {
    const { models } = await this.find();
    const adapters = await this.adapters();
    const found = await Promise.all(
      models
        // Weights are read by path.
        .filter(({ uri, other }) => uri.scheme === 'file' && (other === undefined || other.kind === 'gguf'))
        .map(async ({ uri, label }) => {
          const facts = await this.describe(uri).catch(() => null);
          if (facts === null || facts.parts.length === 0) return undefined;
          const [choice, of] = [modelChoice(facts, label, modelPath(uri)), facts.file?.formOf];
          if (of === undefined) return choice;
          const title = facts.file?.title ?? '';
          return { ...choice, formOf: { folder: modelPath(vscode.Uri.parse(of, true)), title } };
        }),
    );
    return distinctChoices(
      demos,
      found.filter((choice) => choice !== undefined),
    ).map((choice) => {
      const own = adapters.filter(({ base }) => modelPath(base) === choice.folder);
      return own.length === 0
        ? choice
        : {
            ...choice,
            adapters: own.map(({ model: { uri, label, sentence } }) => {
              const folder = modelPath(uri);
              return { folder, label, hint: `${sentence}, ${folder}` };
            }),
          };
    });
  }

  /** The adapters whose base is among the models, each with the config of that. */
  async adapters(): Promise<readonly ModelBelow[]> {
    const { models } = await this.find();
    const own = models.filter(({ uri, other }) => uri.scheme === 'file' && other?.kind === 'adapter');
    return this.below(own, ({ base }) => base?.uri);
  }

  /** The GGUF files that lie beside the safetensors of the same model, each with the config of these. */
  async forms(): Promise<readonly ModelBelow[]> {
    const { models } = await this.find();
    const folders = new Set(models.filter(({ other }) => other === undefined).map(({ uri }) => dirname(uri.fsPath)));
    const own = models.filter(({ uri, other }) => other?.kind === 'gguf' && folders.has(dirname(uri.fsPath)));
    return this.below(own, ({ formOf }) => formOf);
  }

  private async below(
    models: readonly Model[],
    configOf: (file: OtherFileFacts) => string | undefined,
  ): Promise<readonly ModelBelow[]> {
    const found = await Promise.all(
      models.map(async (model) => {
        const file = (await this.describe(model.uri).catch(() => null))?.file;
        const config = file && configOf(file);
        return config === undefined ? [] : [{ model, base: vscode.Uri.parse(config, true) }];
      }),
    );
    return found.flat();
  }

  private async search(): Promise<FoundModels> {
    const inside = await this.files.find();
    const outside = await findConfigs(setting('headscope.models.folders'));
    const uris = new Map<string, vscode.Uri>();
    for (const uri of [...inside, ...outside.paths.map((path) => vscode.Uri.file(path))]) uris.set(uri.toString(), uri);
    const own = new Set(modelsAlone([...uris.keys()]));
    for (const key of uris.keys()) if (!own.has(key)) uris.delete(key);
    const recognised = await this.language.recognise([...uris.values()]);
    const models = recognised
      .map(({ uri: text, family, sentence, vision, other }): Model => {
        const uri = uris.get(text) ?? vscode.Uri.parse(text, true);
        const about = { uri, family, sentence, vision };
        return other === undefined
          ? { ...about, label: modelLabel(uri.path) }
          : { ...about, label: fileLabel(uri.path), other };
      })
      .sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true, sensitivity: 'base' }));
    const problems = [...outside.problems];
    if (inside.length >= mostConfigs) problems.push(`Only the first ${mostConfigs} files of models were looked at.`);
    const paths = (of: readonly Model[]): object => Object.fromEntries(of.map(({ uri }) => [uri.fsPath, true]));
    const configs = models.filter(({ other }) => other === undefined);
    await vscode.commands.executeCommand('setContext', contextKeys.modelPaths, paths(configs));
    const seeing = models.filter(({ vision }) => vision);
    await vscode.commands.executeCommand('setContext', contextKeys.visionModelPaths, paths(seeing));
    return { models, problems };
  }
}
