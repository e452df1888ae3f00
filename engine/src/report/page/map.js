
// The map of probabilities in colours.

// matplotlib's viridis at 0, 1/4, 1/2, 3/4 and 1, which colour-blind people can read too.
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
// Below this, nothing is drawn.
const FAINTEST = 0.01;

/** The colour of a probability. */
function hue(probability) {
  const place = probability * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[below].map((value, i) => value + (place - below) * (VIRIDIS[below + 1][i] - value));
}

/** Draws a case's map beneath its masks; calls `again` once the map is there. */
function overlay(canvas, item, again) {
  if (!item.coloured) {
    const image = new Image();
    image.onload = () => {
      item.coloured = coloured(image);
      again();
    };
    image.src = item.map.url;
    return;
  }
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "destination-over";
  context.drawImage(item.coloured, 0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";
}

/** A picture on a canvas, with its context and its pixels. */
function pixels(image) {
  const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { canvas, context, picture: context.getImageData(0, 0, canvas.width, canvas.height) };
}

/** A grey picture of probabilities in colours. */
function coloured(image) {
  const { canvas, context, picture } = pixels(image);
  const { data } = picture;
  for (let i = 0; i < data.length; i += 4) {
    const probability = data[i] / 255;
    data.set(hue(probability), i);
    data[i + 3] = probability < FAINTEST ? 0 : 170;
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}
