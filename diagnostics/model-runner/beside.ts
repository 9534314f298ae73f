/** A second model beside the open one: the same model in another stored form. */
export interface BesideModel<Model> {
  readonly model: Model;
  /** Changes with its files. */
  readonly stamp: string;
  /** Linear maps of the open model that can be taken from the other one, one by one or in groups that belong together. */
  readonly exchanges: readonly {
    /** Names of their tensors in the open model. */
    readonly tensors: readonly string[];
    /** Layers that run otherwise, rising: the first one for the embedding, the last one for the language head. */
    readonly layers: readonly number[];
    /** The same of the encoder of an encoder-decoder; absent: none of its maps is taken. */
    readonly source?: { readonly layers: readonly number[] };
  }[];
  /** The open model with these maps from the other one, while `act` runs. Do not run its other layers. */
  exchanged<T>(exchange: number, act: (model: Model) => Promise<T>): Promise<T>;
}
