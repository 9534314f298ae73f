/**
 * Messages between the extension and the Model view or its full panel. The panel speaks first: it posts `ready`, the extension
 * replies with `show`, which holds everything needed to draw; until then the extension queues. Each later `show` replaces
 * what was there.
 */
import type { ModelFacts } from '../language/requests';
import type { ServingAnswer, ServingQuestion } from '../language/serving';

/** `side` is the side-bar view, `full` the editor panel, which also shows two models beside each other. */
export type ModelPlace = 'side' | 'full';

export interface ShownModel {
  /** As the Models tree names it: `meta-llama/Llama-3.1-8B` in the Hugging Face cache, else the name of the folder. */
  readonly label: string;
  /** Path in the workspace, else the whole path. */
  readonly path: string;
  readonly facts: ModelFacts;
}

/** What the panel shows, one state at a time. */
export type ModelContent =
  /** No configuration was opened or chosen yet. */
  | { readonly state: 'empty' }
  | { readonly state: 'loading'; readonly name: string }
  | { readonly state: 'model'; readonly model: ShownModel }
  | { readonly state: 'comparison'; readonly first: ShownModel; readonly second: ShownModel }
  /** The file is not a model configuration, by its content. */
  | { readonly state: 'not-a-model'; readonly name: string; readonly sentence: string }
  /** A sentence with a next step, details folded. */
  | { readonly state: 'failed'; readonly name: string; readonly sentence: string; readonly details?: string };

/** What can be done with a model here: true, or the sentence that says why not; absent: there is no such command. */
export interface ModelActions {
  readonly benchmark: true | string;
  readonly heads?: true | string;
}

/** What the panel shows. */
export interface ShowModel {
  readonly kind: 'show';
  readonly content: ModelContent;
  readonly actions: ModelActions;
  /** Version of Headscope, for what leaves the panel. */
  readonly headscope: string;
}

/** What serving the model at `uri` takes, as it was asked. */
export interface ShowServing {
  readonly kind: 'serving';
  readonly uri: string;
  readonly question: ServingQuestion;
  readonly answer: ServingAnswer;
}

/** Sent by the extension to the panel. */
export type ToModelPanel = ShowModel | ShowServing;
