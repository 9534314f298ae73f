/** What the demo model is asked first: names, a repetition and a key come back in it. */
export const demoPrompt =
  'Mary and John went to the shop. John gave a book to Mary. Mary and John went to the shop. John gave a book to';

/** What the demo vision model is asked first: the prompt of LLaVA 1.5. */
export const demoVisionPrompt = 'USER: <image>\nDescribe the image. ASSISTANT:';
