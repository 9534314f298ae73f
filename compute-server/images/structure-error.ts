/** Why a file is not decoded, as the rest of a sentence. */
export class StructureError extends Error {
  override readonly name = 'StructureError';
}

/** The file ends before the picture does, as when a download broke off. */
export class CutOff extends StructureError {
  constructor() {
    super('its file ends in the middle of the picture');
  }
}
