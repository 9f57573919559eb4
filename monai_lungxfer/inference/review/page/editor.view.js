"use strict";
// The picture and the mask on the screen: zoom, moving, drawing frames.
const EditorView = (() => {
  const { clamp } = EditorMask;

  class View extends EditorDialog.Dialog {
    fit() {
      const { clientWidth, clientHeight } = this.stage;
      const scale = Math.min(clientWidth / this.mask.width, clientHeight / this.mask.height);
      this.view = { scale, x: (clientWidth - scale * this.mask.width) / 2, y: (clientHeight - scale * this.mask.height) / 2 };
      this.fitted = true;
      this.draw();
    }

    zoom(factor, at) {
      const { view, stage } = this;
      const middle = at ?? { x: stage.clientWidth / 2, y: stage.clientHeight / 2 };
      const scale = clamp(view.scale * factor, 0.02, 40);
      const grown = scale / view.scale;
      this.view = { scale, x: middle.x - grown * (middle.x - view.x), y: middle.y - grown * (middle.y - view.y) };
      this.fitted = false;
      this.draw();
    }

    move(dx, dy) {
      this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
      this.fitted = false;
      this.draw();
    }

    resize() {
      const ratio = window.devicePixelRatio || 1;
      for (const canvas of this.canvases) {
        canvas.width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
        canvas.height = Math.max(1, Math.round(this.stage.clientHeight * ratio));
      }
      this.shown = null;
      if (this.mask && (this.fitted || !this.view)) this.fit();
      else this.draw();
    }

    draw() {
      if (!this.mask || !this.view || this.waiting) return;
      this.waiting = requestAnimationFrame(() => {
        this.waiting = 0;
        if (this.dialog.isConnected) this.render();
      });
    }

    render() {
      const { view, mask } = this;
      const ratio = window.devicePixelRatio || 1;
      const place = [view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio];
      const cleared = (canvas) => {
        const context = canvas.getContext("2d");
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.clearRect(0, 0, canvas.width, canvas.height);
        context.setTransform(...place);
        context.imageSmoothingEnabled = view.scale * ratio < 2; // larger: pixels are to be seen
        return context;
      };
      if (this.shown !== String(place)) {
        cleared(this.canvases[0]).drawImage(this.picture, 0, 0, mask.width, mask.height);
        this.shown = String(place);
      }
      const layer = cleared(this.canvases[1]);
      if (!this.hidden) layer.drawImage(this.layer, 0, 0);
      this.renderMarks(cleared(this.canvases[2]), view.scale);
    }

    renderMarks(context, scale) {
      for (const [colour, width] of [["#000", 3], ["#fff", 1.25]]) {
        context.strokeStyle = colour;
        context.lineWidth = width / scale;
        context.beginPath();
        if (this.points.length) {
          this.points.forEach((point) => context.lineTo(point.x, point.y));
          if (this.cursor) context.lineTo(this.cursor.x, this.cursor.y);
          const { x, y } = this.points[0];
          context.moveTo(x + 5 / scale, y);
          context.arc(x, y, 5 / scale, 0, 2 * Math.PI);
        }
        if (this.cursor && ["brush", "eraser"].includes(this.tool)) {
          const { x, y } = this.snap(this.cursor);
          context.moveTo(x + this.settings.size / 2, y);
          context.arc(x, y, this.settings.size / 2, 0, 2 * Math.PI);
        }
        if (this.cursor && this.byKeys) {
          const { x, y } = this.cursor;
          context.moveTo(x - 8 / scale, y);
          context.lineTo(x + 8 / scale, y);
          context.moveTo(x, y - 8 / scale);
          context.lineTo(x, y + 8 / scale);
        }
        context.stroke();
      }
    }
  }

  return View;
})();
