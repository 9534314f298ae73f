/** What the demo model is asked first: names, and a sentence that comes again, so that its induction heads have work. */
export const demoPrompt =
  'Mary and John went to the park. John gave a cup to Mary. Mary and John went to the park. John gave a cup to';

/** What the demo vision model is asked first: the prompt of LLaVA 1.5. */
export const demoVisionPrompt = 'USER: <image>\nDescribe the image. ASSISTANT:';
